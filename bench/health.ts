/**
 * What health checks cost: the supervisor's processor time for a thousand services, unchecked, and each checked every ten
 * seconds over TCP, over HTTP, or by a command.
 *
 * The services do nothing; one server in this process answers for all of them.
 */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { lares } from "./contender-lares.ts";
import { cpuPercentOf, memoryOf, type Row, report, small, temporaryDirectory, until } from "./tools.ts";

const count = small ? 100 : 1000;
const interval = small ? "1s" : "10s";
const overMs = small ? 3000 : 30_000;

let asked = 0;
const server = createServer((_request, response) => response.end());
server.on("connection", () => {
  asked += 1;
});
server.listen({ port: 0, host: "127.0.0.1", backlog: 1024 });
await once(server, "listening");
const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;

const rows: Row[] = [];
for (const [name, check] of Object.entries({
  unchecked: undefined,
  tcp: { tcp: address },
  http: { http: `http://${address}/` },
  exec: { exec: "true" },
})) {
  rows.push(await trial(name, check));
}
server.close();
report("health", rows, [
  `${count} services, each asked every ${interval}; % of one processor over ${overMs / 1000} s, of the supervision alone`,
  "wanted at 1000 every 10 s: at most 5 % over TCP and HTTP (a command costs the start of a process)",
]);

async function trial(name: string, check: object | undefined): Promise<Row> {
  using directory = temporaryDirectory();
  const contender = lares(directory.path);
  const file = path.join(directory.path, "health.json");
  const service = { command: ["sleep", "86420"], ...(check && { health: { ...check, interval } }) };
  const services = Object.fromEntries(Array.from({ length: count }, (_, index) => [`s${index}`, service]));
  writeFileSync(file, JSON.stringify({ services }));
  contender.invoke("up", "-f", file);
  try {
    // Every service has been asked once, and the start is over.
    if (check)
      await until("every service is known to be well", () => wellIn(contender.invoke("ls", "--json")) === count, {
        everyMs: 500,
      });
    const before = asked;
    const percent = await cpuPercentOf(contender.pids(), overMs);
    const answers = name === "tcp" || name === "http" ? ((asked - before) * 1000) / overMs : undefined;
    const { residentMb } = memoryOf(contender.pids());
    return { name, figures: { "processor %": percent, "checks/s": answers, "RSS MB": residentMb } };
  } finally {
    await contender.end();
  }
}

function wellIn(instances: string): number {
  return (JSON.parse(instances) as { healthy: boolean | null }[]).filter(({ healthy }) => healthy).length;
}

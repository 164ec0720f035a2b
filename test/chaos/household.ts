/** A mix of services such as a machine has, each of which keeps a truth of its own to compare with. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../e2e/ports.ts";
import type { Services } from "../e2e/rig.ts";

/** What a service is here for. */
export type Role = "server" | "flood" | "writer" | "crasher" | "stubborn" | "watched" | "task" | "pool" | "switched";

export interface Member {
  readonly name: string;
  readonly role: Role;
  /** Where a server answers. */
  readonly port?: number;
}

export interface Household {
  readonly members: readonly Member[];
  readonly services: Services;
  /** Where the programs write what is true. */
  readonly truth: string;
}

/** One of each, then more of what is cheap; every fifth of the rest is a server. */
const first: readonly Role[] = [
  ...(["server", "flood", "writer", "crasher", "stubborn", "watched", "task", "pool", "switched"] as const),
];
const further: readonly Role[] = ["crasher", "writer", "writer", "switched", "server"];

const fixture = (name: string) => join(import.meta.dirname, "fixtures", name);
/** Small, so that files are rotated and compressed all the time; none is deleted before it was checked. */
const log = { max_size: "2M", keep: 100_000, total: "100G" };

/** Members for so many services, and their configuration. */
export async function createHousehold(directory: string, count: number): Promise<Household> {
  const truth = join(directory, "truth");
  mkdirSync(truth);
  const members: Member[] = [];
  for (let index = 0; index < count; index++) {
    const role = first[index] ?? further[(index - first.length) % further.length] ?? "writer";
    members.push({ name: `${role}${index}`, role, ...(role === "server" && { port: await freePort() }) });
  }
  const services = members.map((member) => [
    member.name,
    { log, ...definition(member), env: { TRUTH: truth, PORT: String(member.port) } },
  ]);
  return { members, services: Object.fromEntries(services), truth };
}

function definition({ role, port }: Member): object {
  switch (role) {
    case "server":
      return {
        command: ["node", fixture("server.js")],
        instances: 2,
        listen: { http: `127.0.0.1:${port}` },
        reload: { settle: "200ms" },
      };
    case "flood":
      return { command: ["node", fixture("floods.js")], nice: 10, log: { ...log, max_size: "8M" } };
    case "writer":
      return { command: [fixture("writes.sh"), "0.02"], log: { ...log, max_size: "16K" } };
    case "switched":
      return { command: [fixture("writes.sh"), "0.05"] };
    case "pool":
      return { command: [fixture("writes.sh"), "0.1"], instances: 2 };
    case "crasher":
      return {
        command: fixture("crashes.sh"),
        restart: { delay: "50ms", delay_max: "200ms", intensity: 10_000, period: "1h" },
      };
    case "stubborn":
      return { command: fixture("stubborn.sh"), stop: { grace: "10s" } };
    case "watched":
      return { command: fixture("pings.py"), ready: "notify", health: { watchdog: "12s" } };
    case "task":
      return { kind: "task", command: fixture("task.sh"), schedule: "*/2 * * * * *" };
  }
}

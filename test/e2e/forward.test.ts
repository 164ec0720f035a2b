/** Log lines on their way out of a supervised home, while everything on that way is killed. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { isAlive } from "../../src/client/alive.ts";
import type { ServiceView, SinkView } from "../../src/protocol/api.ts";
import { eventually } from "./eventually.ts";
import { pidIn } from "./leftovers.ts";
import { freePort } from "./ports.ts";
import { createRig, program, type Rig } from "./rig.ts";

const numbered = fileURLToPath(new URL("../integration/logs-fixtures/numbered.ts", import.meta.url));
/** What goes in one delivery. */
const batchLinesMax = 5000;

test("every line arrives, though forwarder and supervisor are killed again and again", async (context) => {
  await using rig = createRig();
  await using peer = await syslogPeer();
  const log = { max_size: "256K", to: { central: { syslog: peer.address, delay: "20ms" } } };
  // It writes on until there were enough kills, however long they take.
  const enough = join(rig.directory, "enough");
  await rig.begin({ api: { command: ["node", program("numbers-until.js"), enough], kind: "task", log } });
  const kills = 6;
  for (let kill = 0; kill < kills; kill += 1) {
    const before = peer.count();
    await eventually(() => peer.count() > before + 500, "lines arrive");
    const { pid } = await rig.client.supervisor();
    process.kill(kill % 2 === 0 ? await forwarderOf(rig) : pid, "SIGKILL");
    await eventually(() => rig.isAnswering(), "the supervisor answers");
  }
  rig.write("enough", "");
  await rig.becomes("api", { state: "completed" });
  const lines = Number(readFileSync(enough, "utf8"));
  await eventually(
    () => peer.seen().size === lines,
    () => `${peer.seen().size} of ${lines} lines are there`,
  );
  context.diagnostic(`${kills} kills, ${peer.count() - lines} of ${lines} lines came more than once`);
  assert.ok(peer.count() <= lines + kills * batchLinesMax, `${peer.count()} came for ${lines}`);
});

test("a sink that is down for a while gets everything, and it is said that it was", async () => {
  await using rig = createRig();
  const port = await freePort();
  const log = { to: { central: { syslog: `tcp://127.0.0.1:${port}`, delay: "10ms" } } };
  await rig.begin({ api: { command: [process.execPath, numbered, "1000", "1", "1"], kind: "task", log } });
  const failed = await rig.event({ type: "forward_failed", service: "api", sink: "central" });
  assert.match(failed.cause ?? "", /ECONNREFUSED/);
  const failing = await sinkOf(rig, (view) => view.state === "failing" && view.lagBytes > 0);
  assert.match(failing.error ?? "", /ECONNREFUSED/);
  const described = /central +syslog, failing, since .* waiting for /;
  await eventually(async () => described.test(await rig.ok("describe", "api")), "it is shown");
  await using peer = await syslogPeer(port);
  await rig.event({ type: "forward_recovered", service: "api" });
  await eventually(() => peer.seen().size === 1000, "all lines are there");
  const view = await sinkOf(rig, ({ state, deliveredLines }) => state === "delivering" && deliveredLines === 1000);
  assert.deepEqual([view.lagBytes, view.lagMs, view.error], [0, null, null]);
});

test("the last lines still leave when everything is taken down, and the forwarder with them", async () => {
  await using rig = createRig();
  await using peer = await syslogPeer();
  const script = "trap 'echo 2 bye; exit' TERM; echo 1 hello; while :; do sleep 0.01; done";
  const log = { to: { central: { syslog: peer.address, delay: "1h" } } };
  await rig.up({ api: { command: ["sh", "-c", script], log } });
  const forwarder = await forwarderOf(rig);
  await rig.ok("down");
  assert.ok(!isAlive(forwarder));
  // They are with the kernel by now; we have to take them.
  await eventually(() => peer.seen().size === 2, "the last line is there");
  assert.deepEqual([...peer.seen()], [1, 2]);
});

test("secrets are in no command line and no environment, and are not shown; without sinks there is no forwarder", async () => {
  await using rig = createRig();
  const headers = { Authorization: "Bearer s3cret-token" };
  const log = { to: { loki: { loki: "http://127.0.0.1:1", headers } } };
  await rig.up({ api: { command: "sleep 1000", log } });
  const forwarder = await forwarderOf(rig);
  for (const file of ["cmdline", "environ"]) {
    assert.doesNotMatch(readFileSync(`/proc/${forwarder}/${file}`, "utf8"), /s3cret/);
  }
  const shown = [await rig.ok("describe", "api"), await rig.ok("describe", "api", "--json")];
  rig.configure({ api: { command: "sleep 1000" } });
  shown.push(await rig.ok("apply", "--dry-run"));
  for (const text of shown) assert.doesNotMatch(text, /s3cret/);
  assert.match(shown[2] ?? "", /redacted/);
  await rig.ok("apply");
  await eventually(() => !isAlive(forwarder), "the forwarder ends");
});

test("a sink that hangs does not slow down a flood", async (context) => {
  await using rig = createRig();
  const command = [process.execPath, numbered, "300000", "500"];
  const floods = async (log: object) => {
    const begun = performance.now();
    await rig.up({ flood: { command, kind: "task", log } });
    await rig.becomes("flood", { state: "completed" });
    const tookMs = performance.now() - begun;
    await rig.ok("delete", "flood");
    return tookMs;
  };
  const alone = await floods({});
  const hanging = await floods({ to: { stuck: { exec: ["sleep", "1000"], timeout: "60s" } } });
  context.diagnostic(`26 MB: ${alone.toFixed(0)} ms alone, ${hanging.toFixed(0)} ms beside a sink that hangs`);
  // One that waited for the sink would take its timeout and more.
  assert.ok(hanging < 5 * alone + 5000, `${hanging} ms instead of ${alone} ms`);
});

test("a sink's command that hangs is ended with everything else", async () => {
  await using rig = createRig();
  const exec = ["sh", "-c", `echo $$$$ >${rig.directory}/pid; exec sleep 1000`];
  await rig.up({ api: { command: "echo hello; exec sleep 1000", shell: true, log: { to: { stuck: { exec } } } } });
  const pid = await eventually(() => pidIn(`${rig.directory}/pid`), "the command is run");
  await rig.ok("down");
  assert.ok(!isAlive(pid));
});

/** A syslog server that reads to the end, and the numbers that lines began with. */
async function syslogPeer(port = 0) {
  const seen: number[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    let text = "";
    sockets.add(socket);
    socket.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      sockets.delete(socket);
      seen.push(...[...text.matchAll(/ - (\d+) (?:x*|\w+)(?=\d+ <|$)/g)].map(([, number]) => Number(number)));
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    address: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: () => seen.length,
    seen: () => new Set(seen),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function forwarderOf(rig: Rig): Promise<number> {
  return eventually(async () => {
    const { pid } = await rig.client.supervisor();
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").map(Number);
    return children.find((child) => /forward/.test(commandOf(child)));
  }, "a forwarder runs");
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

async function sinkOf(rig: Rig, fits: (view: SinkView) => boolean): Promise<SinkView> {
  return eventually(async () => {
    const { sinks } = await rig.json<ServiceView>("describe", "api");
    return sinks.find(fits);
  }, "the sink is as wanted");
}

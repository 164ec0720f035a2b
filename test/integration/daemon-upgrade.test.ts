import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { Agent, get, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { isAlive } from "../../src/daemon/pid-file.ts";
import { parentOf } from "../../src/os/processes.ts";
import { eventually, Rig } from "./daemon-rig.ts";

/** Clients that ask all the time, over kept and over new connections; every failure is remembered. */
class Load {
  answered = 0;
  readonly failures: string[] = [];
  #going = true;
  readonly #clients: Promise<void>[];

  constructor(port: number) {
    this.#clients = [true, false].flatMap((keepAlive) =>
      Array.from({ length: 2 }, () => this.#client(port, new Agent({ keepAlive, maxSockets: 1 }))),
    );
  }

  async stop(): Promise<void> {
    this.#going = false;
    await Promise.all(this.#clients);
  }

  async #client(port: number, agent: Agent): Promise<void> {
    while (this.#going) {
      try {
        const [response] = (await once(get({ port, agent, host: "127.0.0.1" }), "response")) as [IncomingMessage];
        const body = await text(response);
        if (response.statusCode !== 200 || !body.startsWith("hello"))
          this.failures.push(`${response.statusCode} ${body}`);
        this.answered += 1;
      } catch (error) {
        this.failures.push(String(error));
      }
    }
    agent.destroy();
  }
}

async function upgradedPid(rig: Rig, before: number): Promise<number> {
  const { code, stderr } = await rig.verb("upgrade");
  assert.equal(code, 0, stderr);
  const pid = rig.pid() ?? 0;
  assert.notEqual(pid, before);
  return pid;
}

test("upgrades under load lose no request, over kept and over new connections", async (context) => {
  const rig = await Rig.open(context);
  await rig.verb("start", "--daemon");
  const load = new Load(rig.ports.http);
  context.after(() => load.stop());
  // bench/daemon-upgrade.ts does it 20 times, under wrk.
  for (let round = 0; round < 5; round += 1) {
    const before = rig.pid() ?? 0;
    process.kill(before, "SIGUSR2");
    await eventually(() => ![before, undefined].includes(rig.pid()), "the successor takes over");
    await eventually(() => !isAlive(before), "the predecessor ends");
  }
  await load.stop();
  assert.deepEqual(load.failures.slice(0, 5), []);
  assert.ok(load.answered > 0);
  assert.equal((await rig.verb("stop")).code, 0);
});

function wrk(context: TestContext, port: number, headers: readonly string[]): ChildProcess | undefined {
  if (spawnSync("wrk", ["--version"]).error) {
    context.diagnostic("wrk is not here: only our own clients were tried");
    return undefined;
  }
  const args = ["-t1", "-c16", "-d1h", ...headers.flatMap((header) => ["-H", header]), `http://127.0.0.1:${port}/`];
  return spawn("wrk", args, { stdio: ["ignore", "pipe", "inherit"] });
}

for (const [mode, headers] of [
  ["kept", []],
  ["closed", ["Connection: close"]],
] as const) {
  test(`wrk sees no error during upgrades with ${mode} connections`, async (context) => {
    const rig = await Rig.open(context);
    await rig.verb("start", "--daemon");
    const load = wrk(context, rig.ports.http, headers);
    if (!load?.stdout) return;
    let pid = rig.pid() ?? 0;
    for (let round = 0; round < 3; round += 1) pid = await upgradedPid(rig, pid);
    // It reports what it has when it is interrupted.
    load.kill("SIGINT");
    const report = await text(load.stdout);
    assert.doesNotMatch(report, /Socket errors|Non-2xx/, report);
  });
}

test("a new version that does not start leaves the old one serving", async (context) => {
  const rig = await Rig.open(context);
  await rig.verb("start", "--daemon");
  const pid = rig.pid();
  rig.configure({ worker_count: 0 });
  await eventually(async () => (await rig.health()).body.includes("worker_count"), "the bad file is refused");
  const { code, stderr } = await rig.verb("upgrade");
  assert.equal(code, 1);
  assert.match(stderr, /^error: Cannot upgrade: the new process ended \(exit code 78\)/);
  assert.equal(rig.pid(), pid);
  assert.equal(await rig.get(), `hello from ${pid}\n`);
  rig.configure({});
  await upgradedPid(rig, pid ?? 0);
});

test("a request that takes long is finished by the old process after the new one has taken over", async (context) => {
  const rig = await Rig.open(context);
  await rig.verb("start", "--daemon");
  const before = rig.pid() ?? 0;
  const slow = rig.get("/slow?ms=5000");
  const pid = await upgradedPid(rig, before);
  // For a moment both accept.
  await eventually(async () => (await rig.get()).includes(`from ${pid}`), "the successor answers");
  // systemd takes care only of what is its own child.
  assert.notEqual(parentOf(pid), before);
  assert.equal(await slow, "that took a while\n");
  await eventually(() => !isAlive(before), "the predecessor ends");
  assert.equal(rig.pid(), pid);
});

test("the successor holds the lock: no other instance starts after an upgrade", async (context) => {
  const rig = await Rig.open(context);
  await rig.verb("start", "--daemon");
  const before = rig.pid() ?? 0;
  const pid = await upgradedPid(rig, before);
  await eventually(() => !isAlive(before), "the predecessor ends");
  assert.match((await rig.verb("start", "--daemon")).stderr, new RegExp(`it runs already as process ${pid}`));
});

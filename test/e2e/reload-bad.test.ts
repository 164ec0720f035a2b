/** A bad version is tried while clients ask without pause: the old one goes on serving, and what was wrong is said (P16, P18). */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startLoad } from "../fixtures/register/load.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "./ports.ts";
import { fixture } from "./reload-subjects.ts";
import { createRig, type Rig } from "./rig.ts";

interface Misdeed {
  readonly name: string;
  readonly mode: string;
  readonly cause: RegExp;
  readonly tail?: RegExp;
  /** The time it takes to be seen. */
  readonly changes?: { readonly timeout?: string; readonly settle?: string };
}

const misdeeds: readonly Misdeed[] = [
  { name: "throws at boot", mode: "throws", cause: /exited with code 1 before it was ready/, tail: /bad at boot/ },
  { name: "is never ready", mode: "mute", cause: /not ready/, tail: /thinking/, changes: { timeout: "5s" } },
  { name: "is ready and then dies within settle (P18)", mode: "dies", cause: /exited with code 3/, tail: /had enough/ },
  { name: "turns unhealthy within settle", mode: "sick", cause: /unhealthy/, changes: { settle: "6s" } },
];

for (const { name, mode, cause, tail, changes } of misdeeds) {
  test(`a version that ${name} leaves the old one serving, and the reload fails with its last lines`, async () => {
    await using rig = createRig();
    const { service, port } = await versioned(rig, changes);
    await rig.up({ web: service });
    const before = await pids(rig);
    const loads = [true, false].map((keepAlive) => startLoad({ port }, { clients: 6, keepAlive }));
    try {
      rig.write("mode", mode);
      const { code, stderr } = await rig.fails("reload", "web");
      assert.equal(code, 1);
      assert.match(stderr, cause);
      if (tail) assert.match(stderr, tail);
      const failed = await rig.event({ type: "reload_failed", service: "web" });
      assert.match(failed.cause ?? "", cause);
      assert.deepEqual(await pids(rig), before, "the old ones go on");
      rig.write("mode", "good");
      await rig.ok("reload", "web");
    } finally {
      for (const { end } of loads) {
        const { failures, answered } = await end();
        assert.deepEqual(failures, []);
        assert.ok(answered > 0);
      }
    }
  });
}

for (const { name, mode, cause } of misdeeds.filter(({ mode }) => mode === "dies")) {
  test(`a version that ${name} costs no request on a Unix socket that all share`, async () => {
    await using rig = createRig();
    const { service } = await versioned(rig);
    const socketPath = join(rig.directory, "web.sock");
    const { health: _, ...plain } = service;
    const env = { ...service.env, PORT: socketPath };
    await rig.up({ web: { ...plain, env, listen: { http: `unix:${socketPath}` } } });
    const loads = [true, false].map((keepAlive) => startLoad({ socketPath }, { clients: 6, keepAlive }));
    try {
      for (let round = 0; round < 2; round++) {
        rig.write("mode", mode);
        assert.match((await rig.fails("reload", "web")).stderr, cause);
        rig.write("mode", "good");
        await rig.ok("reload", "web");
      }
    } finally {
      for (const { end } of loads) assert.deepEqual((await end()).failures, []);
    }
    const files = () => readdirSync(rig.directory).filter((file) => file.startsWith("web.sock"));
    await eventually(
      () => files().join() === "web.sock",
      () => `nothing is left of what was tried: ${files()}`,
    );
  });
}

test("after an apply with a bad command, slots that were replaced are put back", async () => {
  await using rig = createRig();
  const { service } = await versioned(rig);
  await rig.up({ web: service });
  const untouched = await rig.pid("web", 1);
  rig.configure({ web: { ...service, env: { ...service.env, BAD_SLOT: "1" } } });
  const { code, stderr } = await rig.fails("apply");
  assert.equal(code, 1);
  assert.match(stderr, /slot 1: exited with code 1 before it was ready/);
  await rig.event({ type: "reload_failed", service: "web" });
  const { spec } = await rig.client.service("web");
  assert.equal(spec.env.BAD_SLOT, undefined, "the definition is the old one");
  const [first, second] = await rig.client.instances();
  assert.deepEqual([first?.state, first?.generation], ["up", 3]);
  assert.equal(second?.pid, untouched);
});

test("with `on_failure: keep`, slots that were replaced stay as they are", async () => {
  await using rig = createRig();
  const { service } = await versioned(rig);
  const keep = { ...service, reload: { ...service.reload, on_failure: "keep" } };
  await rig.up({ web: keep });
  rig.configure({ web: { ...keep, env: { ...keep.env, BAD_SLOT: "1" } } });
  await rig.fails("apply");
  const revisions = (await rig.client.instances()).map(({ state, revision }) => [state, revision]);
  assert.deepEqual(revisions, [
    ["up", 2],
    ["up", 1],
  ]);
});

test("a reload of what was stopped fails and says so; one of what has failed starts it", async () => {
  await using rig = createRig();
  const { service } = await versioned(rig);
  rig.write("mode", "throws");
  rig.configure({ web: { ...service, restart: { policy: "never" } } });
  await rig.fails("up");
  rig.write("mode", "good");
  await rig.ok("reload", "web");
  assert.deepEqual(
    (await rig.client.instances()).map(({ state }) => state),
    ["up", "up"],
  );
  await rig.ok("stop", "web");
  const { stderr, code } = await rig.fails("reload", "web");
  assert.equal(code, 1);
  assert.match(stderr, /it does not run/);
});

test("a program that ignores signals is killed at the end of its grace, and does not hang the reload", async () => {
  await using rig = createRig();
  const port = await freePort();
  const command = ["node", fixture("register/ignores-signals.mjs")];
  const listen = { http: `127.0.0.1:${port}` };
  const stop = { grace: "300ms" };
  await rig.up({ web: { command, env: { PORT: port }, listen, stop, reload: { settle: "50ms" } } });
  await rig.ok("reload", "web");
  const exited = await rig.event({ type: "exited", service: "web", generation: 1 });
  assert.equal(exited.signal, "SIGKILL");
  assert.equal((await rig.instance("web")).generation, 2);
});

test("services that require one that is reloaded feel nothing (P24)", async () => {
  await using rig = createRig();
  const { service } = await versioned(rig);
  await rig.up({ web: service, front: { command: "sleep 1000", requires: ["web"] } });
  const pid = await rig.pid("front");
  await rig.ok("reload", "web");
  assert.equal(await rig.pid("front"), pid);
});

/** Two instances of a program whose next start does what the file `mode` says. */
async function versioned(rig: Rig, changes: { readonly timeout?: string; readonly settle?: string } = {}) {
  const { timeout = "1m", settle = "1500ms" } = changes;
  const port = await freePort();
  const mode = rig.write("mode", "good");
  const service = {
    command: ["node", fixture("reload/versioned.mjs")],
    env: { PORT: String(port), MODE_FILE: mode },
    listen: { http: `127.0.0.1:${port}` },
    instances: 2,
    ready: { timeout },
    // All instances listen there; each is asked itself.
    health: { http: `http://127.0.0.1:${port}/health`, interval: "1s", timeout: "1s", failures: 2 },
    reload: { settle },
  };
  return { service, port };
}

async function pids(rig: Rig): Promise<(number | null)[]> {
  return (await rig.client.instances()).map(({ pid }) => pid);
}

/** Programs that reload themselves when told by a signal, and programs that can only be started again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { freePort } from "./ports.ts";
import { fixture } from "./reload-subjects.ts";
import { createRig, program } from "./rig.ts";

const bySignal = { style: "signal" };

test("a program that answers with RELOADING=1 and READY=1 has reloaded, in the same process", async () => {
  await using rig = createRig();
  const file = rig.write("file", "one");
  const command = ["python3", fixture("reload/notify-reload.py"), file];
  await rig.up({ web: { command, ready: "notify", reload: bySignal, instances: 2 } });
  const before = await rig.client.instances();
  assert.deepEqual(
    before.map(({ statusText }) => statusText),
    ["serving one", "serving one"],
  );
  rig.write("file", "two");
  await rig.ok("reload", "web");
  const after = await rig.client.instances();
  assert.deepEqual(
    after.map(({ statusText }) => statusText),
    ["serving two", "serving two"],
  );
  assert.deepEqual(
    after.map(({ pid }) => pid),
    before.map(({ pid }) => pid),
  );
});

test("a program that never answers has not reloaded: that is said, and it runs on", async () => {
  await using rig = createRig();
  const command = `trap "" HUP; systemd-notify --ready; while :; do sleep 1; done`;
  const ready = { notify: true, timeout: "4s" };
  await rig.up({ web: { command, shell: true, ready, reload: bySignal } });
  const pid = await rig.pid("web");
  const { code, stderr } = await rig.fails("reload", "web");
  assert.equal(code, 1);
  assert.match(stderr, /it did not say within 4000 ms that it has reloaded, and runs on/);
  const { state, pid: after } = await rig.instance("web");
  assert.deepEqual([state, after], ["up", pid]);
});

test("of a program without `ready: notify` no answer is asked: it has reloaded when the signal is sent", async () => {
  await using rig = createRig();
  const command = `trap "echo reloaded" USR2; echo begun; while :; do sleep 0.1; done`;
  const reload = { ...bySignal, signal: "SIGUSR2" };
  await rig.up({ web: { command, shell: true, ready: { log: "^begun$" }, reload } });
  const pid = await rig.pid("web");
  const following = rig.follow("logs", "web", "-f");
  await rig.ok("reload", "web");
  await following.line(/reloaded/);
  assert.equal(await rig.pid("web"), pid);
});

test("a program that the signal ends fails the reload, and is started again as after any crash", async () => {
  await using rig = createRig();
  await rig.up({ web: { command: program("notify-ready.sh"), ready: "notify", reload: bySignal } });
  const { code, stderr } = await rig.fails("reload", "web");
  assert.equal(code, 1);
  assert.match(stderr, /killed by SIGHUP/);
  await rig.becomes("web", { state: "up", generation: 2, restarts: 1 });
});

test("with `style: restart` a program that binds its own port is stopped before it is started", async () => {
  await using rig = createRig();
  const port = await freePort();
  const command = ["node", program("listens.js"), String(port)];
  await rig.up({ web: { command, register: false, ready: "listening", reload: { style: "restart" } } });
  await rig.ok("reload", "web");
  await rig.becomes("web", { state: "up", generation: 2, restarts: 0 });
  const steps = (await rig.events({ service: "web" })).map(({ type, generation }) => `${type} ${generation ?? ""}`);
  assert.ok(steps.indexOf("exited 1") < steps.indexOf("spawned 2"), steps.join(", "));
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
});

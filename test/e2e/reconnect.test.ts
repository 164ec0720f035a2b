/** Commands that come while the supervisor is being started again are answered by the next one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isAlive } from "../../src/client/alive.ts";
import { eventually } from "./eventually.ts";
import { createRig } from "./rig.ts";

test("a command right after the supervisor was killed is answered by the next supervisor", async () => {
  await using rig = createRig();
  await rig.up({ web: { command: "sleep 1000" } });
  const web = await rig.pid("web");
  for (let time = 0; time < 3; time++) {
    const { pid } = await rig.client.supervisor();
    process.kill(pid, "SIGKILL");
    const [instance] = await rig.json<[{ pid: number }]>("ls");
    assert.equal(instance.pid, web);
  }
});

test("a command that changes something is carried out once the next supervisor is there", async () => {
  await using rig = createRig();
  await rig.up({ web: { command: "sleep 1000" } });
  const [web, { pid }] = [await rig.pid("web"), await rig.client.supervisor()];
  process.kill(pid, "SIGKILL");
  await eventually(() => !isAlive(pid), "the supervisor is gone");
  await rig.ok("restart", "web");
  assert.notEqual(await rig.pid("web"), web);
});

test("commands during an upgrade are all answered", async () => {
  await using rig = createRig();
  await rig.up({ web: { command: "sleep 1000" } });
  const upgrade = rig.ok("upgrade");
  for (let time = 0; time < 8; time++) await rig.ok("ls");
  await upgrade;
});

test("a command after the keeper was killed as well is answered by the supervisor after the next", async () => {
  await using rig = createRig();
  await rig.up({ web: { command: "sleep 1000" } });
  const { keeperPid } = await rig.client.supervisor();
  process.kill(keeperPid ?? 0, "SIGKILL");
  await rig.ok("ls");
  const { pid } = await rig.client.supervisor();
  process.kill(pid, "SIGKILL");
  await rig.ok("ls");
});

test("where neither supervisor nor keeper lives, a command says so and does not wait", async () => {
  await using rig = createRig();
  await rig.up({ web: { command: "sleep 1000" } });
  const { pid, keeperPid } = await rig.client.supervisor();
  process.kill(keeperPid ?? 0, "SIGSTOP");
  process.kill(pid, "SIGKILL");
  process.kill(keeperPid ?? 0, "SIGKILL");
  await eventually(() => !isAlive(pid) && !isAlive(keeperPid ?? 0), "both are gone");
  const beganMs = performance.now();
  const { code, stderr } = await rig.fails("ls");
  assert.equal(code, 3, stderr);
  // Far below the ten seconds that a supervisor is waited for.
  assert.ok(performance.now() - beganMs < 3000);
  // It takes over what still runs, so that it can be ended.
  await rig.ok("up");
});

/** Times without a supervisor that last as long as a test wants them to. */
import assert from "node:assert/strict";
import { isAlive } from "../../src/client/alive.ts";
import { eventually } from "../e2e/eventually.ts";
import type { Rig } from "../e2e/rig.ts";

/**
 * Kills the supervisor and stops its keeper, so that no other is started; does something; lets the keeper go on.
 *
 * @param act what happens while nobody is there
 */
export async function withoutSupervisor(rig: Rig, act: () => unknown): Promise<void> {
  const { pid, keeperPid } = await rig.client.supervisor();
  assert.ok(keeperPid !== null);
  process.kill(keeperPid, "SIGSTOP");
  try {
    process.kill(pid, "SIGKILL");
    await eventually(() => !isAlive(pid), "the supervisor is dead");
    await act();
  } finally {
    process.kill(keeperPid, "SIGCONT");
  }
  await untilAnother(rig, pid);
}

/** Kills keeper and supervisor, does something, and starts them again. */
export async function withoutBoth(rig: Rig, act: () => unknown): Promise<void> {
  const { pid, keeperPid } = await rig.client.supervisor();
  assert.ok(keeperPid !== null);
  process.kill(keeperPid, "SIGKILL");
  process.kill(pid, "SIGKILL");
  await eventually(() => !isAlive(pid), "the supervisor is dead");
  await act();
  await rig.ok("up", "--no-wait");
}

/** Kills the supervisor, and waits for the next one. */
export async function killSupervisor(rig: Rig): Promise<void> {
  const { pid } = await rig.client.supervisor();
  process.kill(pid, "SIGKILL");
  await untilAnother(rig, pid);
}

/** Waits until a supervisor answers that is not the one with this pid. */
export async function untilAnother(rig: Rig, than: number): Promise<void> {
  const isAnother = () =>
    rig.client.supervisor().then(
      ({ pid }) => pid !== than,
      () => false,
    );
  await eventually(isAnother, "another supervisor answers");
}

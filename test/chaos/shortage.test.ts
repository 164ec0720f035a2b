/** Out of descriptors and out of disk: what runs keeps running, it is said, and it passes. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { lares } from "../e2e/commands.ts";
import { createRig, type Rig } from "../e2e/rig.ts";
import { killSupervisor } from "./frozen.ts";

test("with too few descriptors for all services, those that run go on through kills, and the others say why", async () => {
  await using rig = createRig();
  limitFiles(rig, 200);
  const names = Array.from({ length: 60 }, (_, index) => `sleep${index}`);
  const never = { restart: { policy: "never" } };
  rig.configure(Object.fromEntries(names.map((name) => [name, { command: "sleep 1000", ...never }])));
  const { stderr } = await rig.fails("up");
  assert.match(stderr, /the limit of 200 open files is near/);
  const before = await running(rig);
  assert.ok(before.length >= 20 && before.length < names.length, `${before.length} run`);
  for (let kills = 0; kills < 3; kills++) await killSupervisor(rig);
  assert.deepEqual(await running(rig), before);
  for (const event of await rig.events({ type: "supervisor_recovered" })) assert.equal(event.gaps, "none");
});

for (const part of ["run", "state"] as const) {
  test(`a full disk under ${part}/ loses no state and no process, is said, and passes`, async () => {
    await using rig = createRig();
    const directory = rig.files.homes[part];
    await using _disk = smallDisk(rig, directory);
    await rig.up({
      one: { command: "sleep 1000" },
      two: { command: "sleep 1001" },
      changes: { command: "sleep 1002" },
    });
    const before = await running(rig);
    const filler = join(directory, "filler");
    fill(filler);
    // More than the space that files were given already can take.
    for (let restarts = 0; restarts < 4; restarts++) await rig.lares("restart", "changes");
    await rig.ok("stop", "two");
    const changed = await running(rig);
    assert.deepEqual([changed[0], changed.length], [before[0], 2]);
    for (let kills = 0; kills < 2; kills++) await killSupervisor(rig);
    assert.deepEqual(await running(rig), changed);
    rmSync(filler);
    await rig.ok("restart", "changes");
    await killSupervisor(rig);
    const after = await running(rig);
    assert.deepEqual([after[0], after.length], [before[0], 2]);
    assert.equal((await rig.instance("two")).desired, "down");
    const problems = (await rig.events({ type: "problem_seen" })).map(({ cause }) => cause);
    assert.match(problems.join("\n"), part === "run" ? /the journal cannot be written/ : /desired state|events/);
  });
}

/** Names and pids of what runs. */
async function running(rig: Rig): Promise<readonly string[]> {
  const instances = await rig.client.instances();
  return instances.filter(({ state }) => state === "up").map(({ service, pid }) => `${service} ${pid}`);
}

/** Lets commands of a home, and so its supervisor, have no more than so many descriptors. */
function limitFiles(rig: Rig, files: number): void {
  rig.command = rig.write("limited", `#!/bin/sh\nulimit -n ${files}\nexec "${lares}" "$@"\n`, { mode: 0o755 });
}

/** A file system of its own for a directory of a home in which nothing runs yet. */
function smallDisk(rig: Rig, directory: string): AsyncDisposable {
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k,mode=755", "lares-test", directory]);
  mkdirSync(join(directory, "notify"));
  return {
    async [Symbol.asyncDispose]() {
      await rig.lares("down");
      execFileSync("umount", ["--lazy", directory]);
    },
  };
}

/** Takes all the space there is. */
function fill(path: string): void {
  try {
    for (let size = 1; ; size += 1) writeFileSync(path, Buffer.alloc(size * 4096));
  } catch {
    // Full.
  }
}

/**
 * A program writes numbered lines through a thousand rotations, twenty deaths of the supervisor and a full disk. Afterwards
 * its files hold each of them once, in order and whole. `LARES_TEST_SCALE=10` for a longer one.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { listSegments } from "../../src/logs/segments.ts";
import { eventually } from "./eventually.ts";
import { pidIn } from "./leftovers.ts";
import { createRig, isRoot, type Rig } from "./rig.ts";

const scale = Number(process.env.LARES_TEST_SCALE ?? 1);
const lines = 300_000 * scale;
const rotations = 1_000 * scale;
const kills = 20 * scale;
const numbered = fileURLToPath(new URL("../integration/logs-fixtures/numbered.ts", import.meta.url));

const throughEverything = async () => {
  await using rig = createRig();
  await using disk = mounted(rig, 64 * scale);
  await rig.begin({
    flood: {
      command: [process.execPath, numbered, `${lines}`, "50", "1"],
      kind: "task",
      log: { max_size: "24K", keep: 100_000, max_age: "30d", total: "1T", compress: "none", when_full: "block" },
    },
  });
  const directory = join(rig.files.homes.log, "flood");
  await eventually(() => existsSync(directory), "the first lines are there");
  for (let kill = 0; kill < kills; kill += 1) {
    const isFull = kill === kills / 2;
    if (isFull) disk.fill();
    if (isFull) await rig.event({ type: "output_pressed", service: "flood" });
    // However quick the machine is, the deaths are spread over all of it, each at another point of a rotation.
    else await eventually(() => closed(directory) >= (kill * rotations) / (kills + 2), "it goes on");
    await killSupervisor(rig);
    if (isFull) disk.empty();
  }
  await rig.becomes("flood", { state: "completed" });

  const segments = listSegments(directory);
  assert.ok(segments.length > rotations, `only ${segments.length} segments`);
  assert.equal(countNumberedLines(directory), lines);
  assert.equal((await rig.client.supervisor()).recoveries, kills);
};

if (isRoot) test("every line is kept once, in order and whole, through everything at once", throughEverything);

/** Goes through all segments as any other program would. @returns how many lines there are, numbered from 1 without a gap */
function countNumberedLines(directory: string): number {
  let count = 0;
  for (const { path } of listSegments(directory)) {
    const found = readFileSync(path, "latin1").split("\n");
    assert.equal(found.pop(), "", `${path} ends within a line`);
    for (const line of found) {
      count += 1;
      if (line !== `${count} ${"x".repeat(count % 173)}`) assert.fail(`line ${count} of ${path} is ${line}`);
    }
  }
  return count;
}

async function killSupervisor(rig: Rig): Promise<void> {
  const pid = pidIn(rig.files.pidFile) ?? assert.fail("there is no supervisor");
  process.kill(pid, "SIGKILL");
  await eventually(() => pidIn(rig.files.pidFile) !== pid && rig.isAnswering(), "the next supervisor answers");
}

/** How many segments were closed. */
function closed(directory: string): number {
  return readdirSync(directory).filter((name) => /Z\.log$/.test(name)).length;
}

/** A small file system in place of the home's logs, to be filled by others. */
function mounted(rig: Rig, megabytes: number) {
  const { log } = rig.files.homes;
  const ballast = join(log, "ballast");
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=750`, "lares-e2e", log]);
  return {
    fill() {
      const block = Buffer.alloc(64 * 1024);
      try {
        for (;;) appendFileSync(ballast, block);
      } catch {
        // That was all.
      }
    },
    empty: () => rmSync(ballast),
    async [Symbol.asyncDispose]() {
      await rig.ok("down");
      execFileSync("umount", [log]);
    },
  };
}

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import type { PressureReport } from "../../src/logs/pressure.ts";

const root = mkdtempSync(join(tmpdir(), "lares-logs-full-"));
after(() => rmSync(root, { recursive: true }));

interface Findings {
  readonly reports: PressureReport[];
  readonly lines: number;
  readonly kept: number;
  readonly torn: number;
  readonly inOrder: boolean;
  readonly droppedBytes: number;
}

/** Runs the fixture in a mount namespace of its own, so that the small file system is gone with it. */
async function fillDisk(mode: "drop" | "block"): Promise<Findings> {
  const fixture = join(import.meta.dirname, "logs-fixtures", "full-disk.ts");
  const asUser = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
  const mount = 'mount -t tmpfs -o size=2m lares-test "$0" && exec "$@"';
  const command = ["sh", "-c", mount, root, process.execPath, fixture, root, mode];
  const { stdout } = await promisify(execFile)("unshare", [...asUser, "--mount", ...command]);
  return JSON.parse(stdout) as Findings;
}

test("a full disk in block mode makes the program wait, and no line is lost", async () => {
  const { reports, lines, kept, torn, inOrder, droppedBytes } = await fillDisk("block");
  assert.deepEqual({ kept, torn, inOrder, droppedBytes }, { kept: lines, torn: 0, inOrder: true, droppedBytes: 0 });
  const told = reports.map(({ phase, reason, mode, droppedLines }) => ({ phase, reason, mode, droppedLines }));
  assert.deepEqual(told, [
    { phase: "started", reason: "ENOSPC", mode: "block", droppedLines: 0 },
    { phase: "ended", reason: "ENOSPC", mode: "block", droppedLines: 0 },
  ]);
});

test("a full disk in drop mode loses exactly as many lines as are reported, and tears none", async () => {
  const { reports, lines, kept, torn, inOrder, droppedBytes } = await fillDisk("drop");
  const [started, ended] = reports;
  assert.equal(reports.length, 2);
  assert.deepEqual([started?.phase, started?.reason, ended?.phase], ["started", "ENOSPC", "ended"]);
  assert.deepEqual({ torn, inOrder, lost: lines - kept }, { torn: 0, inOrder: true, lost: ended?.droppedLines });
  assert.equal(ended?.droppedBytes, droppedBytes);
  assert.ok(lines - kept > 0);
});

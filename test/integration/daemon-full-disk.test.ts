/** The logger and a full disk: what fits in the buffer is kept, and what is lost is said. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

const fixture = join(import.meta.dirname, "daemon-fixtures/full-disk.ts");

interface Findings {
  /** As they stand in the files, in the order of their names; `again` is the notice that the log is written again. */
  readonly lines: (number | "again" | "torn")[];
  readonly stderr: string;
}

/** In a mount namespace of its own, so that the small file system is gone with it. */
function fill(context: TestContext, how: { target: string; options: object; lines: number; ending: string }): Findings {
  const directory = mkdtempSync(join(tmpdir(), "lares-full-"));
  context.after(() => rmSync(directory, { recursive: true }));
  const asUser = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
  const out = how.target === "stdout" ? '>>"$0/app.log"' : ">/dev/null";
  const script = `mount -t tmpfs -o size=2m lares-test "$0" && "$@" ${out}; rm -f "$0/ballast"; cat "$0"/app.log.* "$0/app.log" 2>/dev/null; true`;
  const args = [fixture, directory, how.target, JSON.stringify(how.options), String(how.lines), how.ending];
  const program = [process.execPath, "--disable-warning=ExperimentalWarning", ...args];
  const [file = "", ...argv] = ["unshare", ...asUser, "--mount", "sh", "-c", script, directory, ...program];
  const { stdout, stderr } = spawnSync(file, argv, { encoding: "utf8" });
  return { lines: stdout.split("\n").slice(0, -1).map(readLine), stderr };
}

function readLine(text: string): number | "again" | "torn" {
  try {
    const { line, msg } = JSON.parse(text);
    if (msg === "the log is written again") return "again";
    return msg === "viele Grüße aus der vollen Scheibe: äöüß €" ? Number(line) : "torn";
  } catch {
    return "torn";
  }
}

const upTo = (count: number) => Array.from({ length: count }, (_, line) => line);
const numbersOf = ({ lines }: Findings) => lines.filter((line) => typeof line === "number");

for (const target of ["app.log", "stdout"]) {
  test(`${target}: a disk that is full for a while costs no line that fits in the buffer`, (context) => {
    const findings = fill(context, { target, options: { maxSizeBytes: 150_000 }, lines: 6000, ending: "freed" });
    assert.deepEqual(numbersOf(findings), upTo(6000));
    assert.deepEqual([findings.lines.includes("again"), findings.lines.includes("torn")], [true, false]);
    assert.match(findings.stderr, /^d: the log .* cannot be written: ENOSPC\n$/);
  });

  for (const ending of ["exit", "closed"]) {
    test(`${target}: what does not fit at the end (${ending}) is said, and the rest is whole`, (context) => {
      const findings = fill(context, { target, options: {}, lines: 6000, ending });
      const kept = numbersOf(findings);
      assert.deepEqual(kept, upTo(kept.length));
      assert.ok(kept.length > 1000 && kept.length < 6000, `${kept.length} lines kept`);
      assert.match(findings.stderr, /ENOSPC\nd: the last \d+ bytes of the log .* are lost\n$/);
    });
  }
}

test("a program that is to wait for room does so, and loses nothing", (context) => {
  const options = { bufferBytesMax: 100_000, whenFull: "block" };
  const findings = fill(context, { target: "app.log", options, lines: 6000, ending: "blocked" });
  assert.deepEqual(numbersOf(findings), upTo(6000));
  assert.equal(findings.lines.includes("torn"), false);
});

test("lines that do not fit in the buffer are dropped, and counted at the end", (context) => {
  const options = { bufferBytesMax: 100_000 };
  const findings = fill(context, { target: "app.log", options, lines: 6000, ending: "closed" });
  const kept = numbersOf(findings);
  // Under load the buffer may be full for a moment before the disk is.
  assert.ok(kept.every((line, index) => index === 0 || line > (kept[index - 1] ?? 0)));
  const [, lost, dropped] =
    /the last (\d+) bytes .* are lost\nd: (\d+) lines .* were dropped\n$/.exec(findings.stderr) ?? [];
  assert.ok(Number(lost) > 0 && Number(dropped) > 0 && kept.length + Number(dropped) <= 6000, findings.stderr);
});

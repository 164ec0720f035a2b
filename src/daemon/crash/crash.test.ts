import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { type TestContext, test } from "node:test";
import { errorChain, writeCrashReport } from "./report.ts";

function directoryFor(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "lares-crash-"));
  context.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

function run(directory: string, body: string, flags: readonly string[] = []): ReturnType<typeof spawnSync> {
  const module = new URL("./handler.ts", import.meta.url).href;
  const program = `
    import { handleCrashes } from ${JSON.stringify(module)};
    handleCrashes({
      directory: ${JSON.stringify(directory)},
      context: () => ({ name: "d", logTail: ["last line"] }),
      end: (_error, file) => { console.log(file); process.exit(70); },
    });
    ${body}`;
  return spawnSync(process.execPath, [...flags, "--input-type=module-typescript", "-e", program]);
}

test("a report has the error with its causes, the log's last lines, versions and no environment", (context) => {
  const directory = directoryFor(context);
  const error = new Error("outer", { cause: new TypeError("inner") });
  process.env.LARES_TEST_PASSWORD = "hunter2";
  const file = writeCrashReport(error, {
    directory,
    context: {
      name: "d",
      version: "1.2.3",
      kind: "gaveUp",
      configRevision: 4,
      logTail: ["a", "b"],
      limits: { memory: 1 },
    },
  });
  delete process.env.LARES_TEST_PASSWORD;
  const text = readFileSync(file ?? "", "utf8");
  assert.doesNotMatch(text, /hunter2/);
  const report = JSON.parse(text);
  assert.deepEqual(
    report.errors.map(({ name, message }: Error) => `${name}: ${message}`),
    ["Error: outer", "TypeError: inner"],
  );
  assert.match(report.errors[0].stack[0], /crash\.test\.ts/);
  assert.deepEqual([report.logTail, report.configRevision, report.version], [["a", "b"], 4, "1.2.3"]);
  assert.equal(report.versions.node, process.versions.node);
  assert.ok(report.diagnostic.header);
});

test("only the latest reports are kept", (context) => {
  const directory = directoryFor(context);
  for (let round = 0; round < 25; round += 1) {
    writeCrashReport(new Error("x"), { directory, context: { name: `d`, kind: "gaveUp" } });
  }
  assert.ok(readdirSync(directory).length <= 20);
});

test("of heap snapshots only the latest is kept, beside its report", (context) => {
  const directory = directoryFor(context);
  const report = { directory, context: { name: "d", kind: "overLimit" }, heapSnapshot: true } as const;
  writeFileSync(join(directory, "d.before.heapsnapshot"), "");
  const file = writeCrashReport(new Error("x"), report) ?? "";
  const snapshot = basename(file).replace(/json$/, "heapsnapshot");
  assert.deepEqual(readdirSync(directory).sort(), [snapshot, basename(file)].sort());
});

test("an unwritable directory is no further error", () => {
  assert.equal(
    writeCrashReport(new Error("x"), { directory: "/dev/null/no", context: { name: "d", kind: "gaveUp" } }),
    undefined,
  );
});

test("an endless chain of causes has an end", () => {
  const error = new Error("round") as Error & { cause: unknown };
  error.cause = error;
  assert.equal(errorChain(error).length, 16);
  assert.deepEqual(errorChain("text"), [{ name: "thrown value", message: "text", stack: [] }]);
});

for (const [kind, body] of [
  ["uncaughtException", "setImmediate(() => { throw new Error('boom'); });"],
  ["unhandledRejection", "Promise.reject(new Error('boom'));"],
] as const) {
  test(`an ${kind} is reported, and the process ends as it was told to`, (context) => {
    const directory = directoryFor(context);
    const { status, stdout } = run(directory, body);
    assert.equal(status, 70);
    const report = JSON.parse(readFileSync(String(stdout).trim(), "utf8"));
    assert.equal(report.kind, kind);
    assert.equal(report.errors[0].message, "boom");
    assert.deepEqual(report.logTail, ["last line"]);
  });
}

test("running out of memory leaves Node's diagnostic report", (context) => {
  const directory = directoryFor(context);
  const body = "const all = []; for (;;) all.push(new Array(1000).fill(all.length));";
  assert.notEqual(run(directory, body, ["--max-old-space-size=20"]).status, 0);
  const [file] = readdirSync(directory);
  assert.equal(JSON.parse(readFileSync(join(directory, file ?? ""), "utf8")).header.trigger, "OOMError");
});

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { secret } from "../config/secret.ts";
import { createLogger } from "./create-logger.ts";
import { FileDestination } from "./file-destination.ts";
import { LogFile } from "./log-file.ts";
import { prettyLine } from "./pretty.ts";

const module = new URL("./create-logger.ts", import.meta.url).href;

function home(context: TestContext): (name: string) => string {
  const directory = mkdtempSync(join(tmpdir(), "lares-log-"));
  context.after(() => rmSync(directory, { recursive: true }));
  return (name) => join(directory, name);
}

function records(file: string): { msg: string; [key: string]: unknown }[] {
  return readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** Runs a program that logs 1,000 lines and then ends in some way. */
function endBy(file: string, ending: string): string {
  const program = `
    import { createLogger } from ${JSON.stringify(module)};
    const { log } = await createLogger({ file: ${JSON.stringify(file)} });
    for (let line = 0; line < 1000; line += 1) {
      log.info({ line }, "hello");
      if (line === 500) await new Promise((resolve) => setImmediate(resolve));
    }
    ${ending}`;
  return spawnSync(process.execPath, ["--input-type=module-typescript", "-e", program]).stderr.toString();
}

for (const ending of [
  "",
  "process.exit(3);",
  "throw new Error('boom');",
  "Promise.reject(new Error('boom'));",
  "process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000);",
]) {
  test(`nothing is lost or doubled at the end by ${ending || "itself"}`, (context) => {
    const file = home(context)("app.log");
    endBy(file, ending);
    assert.deepEqual(
      records(file).map(({ line }) => line),
      Array.from({ length: 1000 }, (_, line) => line),
    );
  });
}

test("files rotate at whole lines by size, and the oldest go when there are too many", async (context) => {
  const path = home(context);
  {
    await using handle = await createLogger({ file: path("logs/app.log"), maxSizeBytes: 100_000, keep: 3 });
    for (let line = 0; line < 20_000; line += 1) {
      handle.log.info({ line }, "hello");
      if (line % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await handle.flush();
  }
  await new LogFile(path("logs/app.log"), { keep: 3, maxSizeBytes: 100_000 }).prune();
  const names = readdirSync(path("logs")).sort();
  assert.equal(names.length, 4);
  const lines = [...names.slice(1), "app.log"].flatMap((name) =>
    records(path(`logs/${name}`)).map(({ line }) => Number(line)),
  );
  assert.deepEqual(
    lines,
    Array.from({ length: lines.length }, (_, index) => 20_000 - lines.length + index),
  );
  for (const name of names) assert.ok(statSync(path(`logs/${name}`)).size <= 100_000);
});

test("a file that is too old is put away, and a total too large shrinks", async (context) => {
  context.mock.timers.enable({ apis: ["Date"], now: Date.now() });
  const path = home(context);
  const file = new LogFile(path("app.log"), { maxAgeMs: 1000, totalBytes: 60_000, maxSizeBytes: 50_000 });
  const destination = new FileDestination(file);
  const write = async (text: string) => {
    context.mock.timers.tick(2000);
    destination.write(text);
    await destination.flush();
  };
  await write("first\n");
  await write("x".repeat(20_000));
  assert.equal(readdirSync(path("")).length, 2);
  await write("third\n");
  await file.prune();
  assert.equal(readdirSync(path("")).length, 1);
  await destination.close();
});

test("the level changes for the logger and its children while it runs", async (context) => {
  const file = home(context)("app.log");
  await using handle = await createLogger({ file, level: "warn" });
  const child = handle.log.child({ part: "db" });
  const fixed = handle.log.child({}, { level: "error" });
  child.info("unseen");
  handle.setLevel("debug");
  child.debug("seen");
  fixed.info("still unseen");
  await handle.flush();
  assert.deepEqual(
    records(file).map(({ msg }) => msg),
    ["seen"],
  );
});

test("redacted paths and secrets do not show", async (context) => {
  const file = home(context)("app.log");
  await using handle = await createLogger({ file, redact: ["*.password"] });
  handle.log.info({ user: { password: "hunter2" }, token: secret("hunter2") }, "signed in");
  await handle.flush();
  assert.doesNotMatch(readFileSync(file, "utf8"), /hunter2/);
  assert.equal(records(file)[0]?.token, "[redacted]");
});

test("after reopen lines go to the new file at the path", async (context) => {
  const path = home(context);
  await using handle = await createLogger({ file: path("app.log") });
  handle.log.info("one");
  await handle.flush();
  renameSync(path("app.log"), path("moved"));
  handle.log.info("two");
  await handle.reopen();
  handle.log.info("three");
  await handle.flush();
  assert.deepEqual(
    records(path("moved")).map(({ msg }) => msg),
    ["one", "two"],
  );
  assert.deepEqual(
    records(path("app.log")).map(({ msg }) => msg),
    ["three"],
  );
  assert.equal(handle.recent().length, 3);
});

test("a full buffer drops further lines and counts them", (context) => {
  const file = new LogFile(home(context)("app.log"), {});
  const destination = new FileDestination(file, { bufferBytesMax: 1000 });
  for (let line = 0; line < 30; line += 1) destination.write(`${"x".repeat(99)}\n`);
  assert.equal(destination.dropped, 20);
  return destination.close();
});

test("a full buffer that blocks loses nothing", async (context) => {
  const path = home(context)("app.log");
  const destination = new FileDestination(new LogFile(path, {}), { bufferBytesMax: 1000, whenFull: "block" });
  for (let line = 0; line < 500; line += 1) {
    destination.write(`${String(line).padStart(99)}\n`);
    if (line % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await destination.close();
  assert.equal(destination.dropped, 0);
  const lines = readFileSync(path, "utf8").trimEnd().split("\n").map(Number);
  assert.deepEqual(
    lines,
    Array.from({ length: 500 }, (_, line) => line),
  );
});

test("a full disk is said, what fits in the buffer is kept, and what is lost at the end is said too", async () => {
  const program = `
    import { createLogger } from ${JSON.stringify(module)};
    const { log } = await createLogger({ name: "d", file: "/dev/full" });
    log.info("hello");
    setTimeout(() => process.exit(), 500);`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program]);
  const errors = await child.stderr.setEncoding("utf8").toArray();
  assert.match(
    errors.join(""),
    /^d: the log "\/dev\/full" cannot be written: ENOSPC\nd: the last \d+ bytes .* are lost\n$/,
  );
  if (child.exitCode === null) await once(child, "exit");
});

test("a line for people has its level, its message, its members and the stack of its error", () => {
  const line = prettyLine(
    '{"level":50,"time":0,"pid":1,"msg":"failed","port":8080,"err":{"stack":"Error: x\\n at y"}}\n',
  );
  assert.match(stripVTControlCharacters(line), /^\d\d:\d\d:\d\d ERROR failed port=8080\nError: x\n at y\n$/);
  assert.equal(prettyLine("not JSON\n"), "not JSON\n");
});

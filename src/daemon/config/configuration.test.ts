import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { inspect } from "node:util";
import { z } from "zod";
import { LaresError } from "../../core/errors.ts";
import { Configuration } from "./configuration.ts";
import { parseConfigurationText } from "./formats.ts";
import { Secret, secret } from "./secret.ts";

const schema = z.strictObject({
  log_level: z.enum(["debug", "info", "warn"]).default("info"),
  http: z.strictObject({ port: z.number().int().default(8080), name: z.string().default("a") }).prefault({}),
  token: z.string().default("none").transform(secret),
});

function home(context: TestContext): (name: string) => string {
  const directory = mkdtempSync(join(tmpdir(), "lares-config-"));
  context.after(() => rmSync(directory, { recursive: true }));
  return (name) => join(directory, name);
}

test("JSON, YAML and TOML say the same", async (context) => {
  const path = home(context);
  writeFileSync(path("a.json"), '{"http":{"port":1}}');
  writeFileSync(path("a.yaml"), "http:\n  port: 1\n");
  writeFileSync(path("a.toml"), "[http]\nport = 1\n");
  for (const name of ["a.json", "a.yaml", "a.toml"]) {
    const { current } = await Configuration.load({ schema, file: path(name) });
    assert.equal(current.http.port, 1);
    assert.equal(current.log_level, "info");
  }
});

test("a syntax error is reported with its line and column", async (context) => {
  const path = home(context);
  const broken = { "a.json": '{\n  "http": oops }', "a.yaml": "a: [1\nb: 2", "a.toml": "a = \n" };
  for (const [name, text] of Object.entries(broken)) {
    writeFileSync(path(name), text);
    await assert.rejects(Configuration.load({ schema, file: path(name) }), (error: unknown) => {
      assert.ok(error instanceof LaresError);
      assert.match(error.message, new RegExp(`^Cannot read ".*/${name}:\\d+:\\d+": `));
      return true;
    });
  }
});

test("the place of a JSON error is the first character that nothing could complete", async () => {
  const places = {
    '{"a": 1,\n "b" 2}': "2:6",
    '{"a": tru e}': "1:10",
    "[1, 2": "1:5",
    "[1] x": "1:5",
    '{"a": "\n"}': "1:8",
  };
  for (const [text, place] of Object.entries(places)) {
    await assert.rejects(parseConfigurationText("a.json", text), (error: Error) => {
      assert.match(error.message, new RegExp(`"a.json:${place}"`), text);
      return true;
    });
  }
});

test("every wrong key is named, with the variable it came from", async () => {
  const env = { D_LOG_LEVEL: "loud", D_HTTP__PORT: "x" };
  await assert.rejects(Configuration.load({ schema, envPrefix: "D_", env }), (error: unknown) => {
    assert.ok(error instanceof LaresError && error.code === "invalid_configuration");
    assert.match(error.message, /log_level: .*\(from D_LOG_LEVEL\).*http\.port: .*\(from D_HTTP__PORT\)/);
    return true;
  });
});

test("the environment overrides the file; a number may be meant as text", async (context) => {
  const path = home(context);
  writeFileSync(path("a.json"), '{"http":{"port":1}}');
  const env = { D_HTTP__PORT: "2", D_HTTP__NAME: "007", OTHER: "x" };
  const { current } = await Configuration.load({ schema, file: path("a.json"), envPrefix: "D_", env });
  assert.deepEqual(current.http, { port: 2, name: "007" });
});

test("a snapshot cannot be changed", async () => {
  const { current } = await Configuration.load({ schema });
  assert.throws(() => Object.assign(current.http, { port: 1 }), TypeError);
});

test("subscribers are told exactly what changed, and what needs a restart", async (context) => {
  const path = home(context);
  writeFileSync(path("a.json"), '{"token":"one"}');
  const configuration = await Configuration.load({ schema, file: path("a.json"), needsRestart: ["http"] });
  const changes: string[][] = [];
  configuration.subscribe((change) => void changes.push([...change.keys]));
  assert.deepEqual((await configuration.reload()).keys, []);
  writeFileSync(path("a.json"), '{"token":"two","http":{"port":9},"log_level":"debug"}');
  const change = await configuration.reload();
  assert.deepEqual([...change.keys].sort(), ["http.port", "log_level", "token"]);
  assert.deepEqual(change.needsRestart, ["http.port"]);
  assert.equal(changes.length, 1);
  assert.equal(configuration.revision, 2);
  assert.equal(change.previous.http.port, 8080);
});

test("a bad file leaves the old configuration in use", async (context) => {
  const path = home(context);
  writeFileSync(path("a.json"), "{}");
  const configuration = await Configuration.load({ schema, file: path("a.json") });
  writeFileSync(path("a.json"), '{"log_level":"loud"}');
  await assert.rejects(configuration.reload(), { code: "invalid_configuration" });
  assert.equal(configuration.current.log_level, "info");
  assert.match(String(configuration.lastError), /log_level/);
  writeFileSync(path("a.json"), '{"log_level":"warn"}');
  await configuration.reload();
  assert.equal(configuration.lastError, undefined);
  assert.equal(configuration.current.log_level, "warn");
});

test("writing, replacing by rename and swapping a symlink as Kubernetes does are all noticed", async (context) => {
  const path = home(context);
  for (const version of ["v1", "v2"]) mkdirSync(path(version));
  writeFileSync(path("v1/a.json"), '{"log_level":"info"}');
  writeFileSync(path("v2/a.json"), '{"log_level":"warn"}');
  symlinkSync("v1", path("..data"));
  symlinkSync("..data/a.json", path("a.json"));
  using configuration = await Configuration.load({ schema, file: path("a.json"), pollMs: 60_000 });
  const events = new EventEmitter();
  configuration.subscribe(({ current }) => void events.emit("changed", current.log_level));
  configuration.watch();

  const swapped = once(events, "changed");
  symlinkSync("v2", path("..data_tmp"));
  renameSync(path("..data_tmp"), path("..data"));
  assert.deepEqual(await swapped, ["warn"]);

  const replaced = once(events, "changed");
  writeFileSync(path("new"), '{"log_level":"debug"}');
  renameSync(path("new"), path("a.json"));
  assert.deepEqual(await replaced, ["debug"]);

  const written = once(events, "changed");
  writeFileSync(path("a.json"), '{"log_level":"info" }');
  assert.deepEqual(await written, ["info"]);
});

test("a change that no directory event tells of is found by the poll", async (context) => {
  const path = home(context);
  mkdirSync(path("elsewhere"));
  writeFileSync(path("elsewhere/a.json"), "{}");
  symlinkSync("elsewhere/a.json", path("a.json"));
  using configuration = await Configuration.load({ schema, file: path("a.json"), pollMs: 20 });
  const changed = new Promise((resolve) => configuration.subscribe(({ current }) => resolve(current.log_level)));
  configuration.watch();
  const keepAlive = setInterval(() => {}, 1_000);
  writeFileSync(path("elsewhere/a.json"), '{"log_level":"warn"}');
  assert.equal(await changed, "warn");
  clearInterval(keepAlive);
});

test("a secret shows itself nowhere", () => {
  const hidden = secret("hunter2");
  const everywhere = [`${hidden}`, JSON.stringify({ hidden }), inspect({ hidden }), String(hidden), `${[hidden]}`];
  for (const text of everywhere) {
    assert.match(text, /\[redacted\]/);
    assert.doesNotMatch(text, /hunter2/);
  }
  assert.ok(hidden instanceof Secret);
  assert.equal(hidden.reveal(), "hunter2");
});

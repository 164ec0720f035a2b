/** What importing `lares` costs is bench/daemon-import.ts's to measure; here, what it must not load. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

const entry = new URL("../../src/daemon/index.ts", import.meta.url).href;

function loadedBy(use: string): string[] {
  const program = `
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
    const lares = await import(${JSON.stringify(entry)});
    ${use}
    console.log(JSON.stringify(loaded));`;
  const flags = ["--disable-warning=ExperimentalWarning", "--input-type=module"];
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, "-e", program], { encoding: "utf8" });
  assert.equal(stderr, "");
  return JSON.parse(stdout);
}

const heavy = /node_modules|^node:(http|http2|https|worker_threads|inspector)$/;

test("importing everything loads no dependency, and none of Node's large modules", () => {
  const loaded = loadedBy("");
  assert.ok(loaded.length > 10, `${loaded.length} modules`);
  assert.deepEqual(
    loaded.filter((url) => heavy.test(url)),
    [],
  );
});

test("a part that is used loads what it needs, and what others need stays out", () => {
  const loaded = loadedBy('const { log } = await lares.createLogger({ level: "silent" });').join("\n");
  assert.match(loaded, /node_modules\/pino\//);
  assert.doesNotMatch(loaded, /node_modules\/(piscina|koffi|@prometheus-io)\//);
});

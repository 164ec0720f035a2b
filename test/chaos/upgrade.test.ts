/** `lares upgrade`, to a version that is well and to one that is not. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { version } from "../../src/protocol/version.ts";
import { eventually } from "../e2e/eventually.ts";
import { freePort } from "../e2e/ports.ts";
import { InstalledRig } from "./installation.ts";
import { startLoad } from "./load.ts";

const server = join(import.meta.dirname, "fixtures/server.js");

test("an upgrade under load loses no request, and says from which version to which", async () => {
  await using rig = InstalledRig.create();
  await using site = await startSite(rig);
  const before = await rig.client.instances({ usage: false });
  rig.install((text) => text.replaceAll(`version = "${version}"`, 'version = "99.0.0"'));
  const said = await rig.ok("upgrade");
  assert.equal(said, `upgraded: ${version} → 99.0.0, 2 instances adopted\n`);
  const { from, version: to } = await rig.event({ type: "supervisor_recovered" });
  assert.deepEqual([from, to], [version, "99.0.0"]);
  // The same version again is no upgrade, and works.
  assert.match(await rig.ok("upgrade"), /^upgraded: 99\.0\.0 → 99\.0\.0, 2 /);
  const pids = (list: typeof before) => list.map(({ pid, generation }) => [pid, generation]);
  assert.deepEqual(pids(await rig.client.instances({ usage: false })), pids(before));
  await site.end();
});

test("a new version that cannot start is replaced by the old one, which says so", async () => {
  await using rig = InstalledRig.create();
  await using site = await startSite(rig);
  await eventually(() => existsSync(rig.files.fallback), "a copy of the version that runs is kept");
  const repair = rig.install((text, name) => (name === "supervisor.js" ? `throw new Error("broken");\n${text}` : text));
  const { code, stderr } = await rig.fails("upgrade");
  assert.equal(code, 1);
  assert.match(stderr, /Cannot upgrade from .*: the version before it is back in force/);
  assert.equal((await rig.client.supervisor()).version, version);
  await rig.event({ type: "upgrade_failed", version });
  repair();
  assert.match(await rig.ok("upgrade"), /^upgraded: /);
  assert.equal((await rig.events({ type: "upgrade_failed" })).length, 1);
  await site.end();
});

test("an upgrade without a supervisor fails and says what to do", async () => {
  await using rig = InstalledRig.create();
  const { code, stderr } = await rig.fails("upgrade");
  assert.equal(code, 3);
  assert.match(stderr, /lares up/);
});

/** A server of two instances under load, none of whose requests may fail. */
async function startSite(rig: InstalledRig): Promise<AsyncDisposable & { end(): Promise<void> }> {
  const port = await freePort();
  const env = { PORT: String(port), TRUTH: rig.directory };
  await rig.up({ site: { command: ["node", server], instances: 2, listen: { http: `127.0.0.1:${port}` }, env } });
  const load = startLoad(port);
  const end = async () => {
    await load.end();
    assert.deepEqual(load.traffic.failures, []);
    assert.ok(load.traffic.requests > 20, `only ${load.traffic.requests} requests`);
  };
  return { end, [Symbol.asyncDispose]: () => load.end() };
}

/** A changed file touches what changed, and nothing else. The numbers are those of the pitfalls. */
import assert from "node:assert/strict";
import { mkdirSync, renameSync } from "node:fs";
import { test } from "node:test";
import type { ApplyReply } from "../../src/protocol/api.ts";
import { freePort } from "./ports.ts";
import { createRig, isRoot } from "./rig.ts";

const base = { command: "sleep 1000", env: { MODE: "one" } };

test("editing what only the supervisor uses restarts nothing (P6)", async () => {
  await using rig = createRig();
  const other = { command: "sleep 1000" };
  await rig.up({ other, web: base });
  const pid = await rig.pid("web");
  const edits = [
    { after: ["other"] },
    { requires: ["other"] },
    { restart: { policy: "on-failure", delay: "1s", intensity: 3 } },
    { health: { exec: "true", interval: "2s" } },
    { log: { max_size: "1M", keep: 3 } },
    { stop: { grace: "1s", signal: "SIGINT" } },
    { reload: { settle: "2s" } },
    { on: { exit: "true", failed: "true" } },
    { limits: { memory: "1G", pids: 100 } },
  ];
  for (const [index, edit] of edits.entries()) {
    rig.configure({ other, web: { ...base, ...edit } });
    await rig.ok("apply");
    const { pid: now, generation, revision } = await rig.instance("web");
    assert.deepEqual([now, generation], [pid, 1], `${JSON.stringify(edit)} restarted it`);
    assert.equal(revision, index + 2);
  }
  assert.equal((await rig.events({ type: "exited" })).length, 0);
});

test("editing anything that the program was started with restarts it (P6)", async () => {
  await using rig = createRig();
  await rig.up({ web: base });
  mkdirSync(`${rig.directory}/sub`);
  const edits = [
    { command: "sleep 1001" },
    { command: ["sleep", "1000", "0"] },
    { directory: `${rig.directory}/sub` },
    { env: { MODE: "two" } },
    { env: {} },
    ...(isRoot ? [{ user: "nobody" }, { group: "nogroup" }] : []),
    { umask: "027" },
    { nice: 5 },
    { limits: { files: 512 } },
    { limits: { core: 0 } },
    { ready: { delay: "10ms" } },
    { listen: { http: `127.0.0.1:${await freePort()}` } },
    { health: { watchdog: "1m" } },
  ];
  for (const edit of edits) {
    const before = await rig.instance("web");
    rig.configure({ web: { ...base, ...edit } });
    await rig.ok("apply");
    const now = await rig.instance("web");
    assert.equal(now.state, "up");
    assert.ok(now.generation > before.generation, `${JSON.stringify(edit)} went unnoticed`);
    assert.notEqual(now.pid, before.pid);
  }
});

test("one changed service restarts alone; one that is taken out is stopped (P7)", async () => {
  await using rig = createRig();
  const names = ["a", "b", "c", "d"];
  await rig.up(Object.fromEntries(names.map((name) => [name, base])));
  const before = await rig.client.instances();
  rig.configure({ a: base, b: { ...base, env: { MODE: "two" } }, c: base });
  const plan = await rig.ok("apply");
  assert.match(plan, /^~ b \(restart\)\n {4}env\.MODE: "?one"? → "?two"?$/m);
  assert.match(plan, /^- d/m);
  const after = await rig.client.instances();
  assert.deepEqual(
    after.map(({ service }) => service),
    ["a", "b", "c"],
  );
  const changed = after.filter(({ service, pid }) => before.find((it) => it.service === service)?.pid !== pid);
  assert.deepEqual(
    changed.map(({ service }) => service),
    ["b"],
  );
});

test("a dry run shows the plan and does nothing", async () => {
  await using rig = createRig();
  await rig.up({ web: base });
  const [pid, seq] = [await rig.pid("web"), await rig.now()];
  rig.configure({ web: { ...base, command: "sleep 5" }, more: base });
  const { plan, revision } = await rig.json<ApplyReply>("apply", "--dry-run");
  assert.equal(revision, 1);
  assert.deepEqual(
    plan.map(({ service, action, effect }) => [service, action, effect]),
    [
      ["web", "change", "restart"],
      ["more", "add", "start"],
    ],
  );
  assert.deepEqual(plan[0]?.changes, [{ key: "command", from: ["sleep", "1000"], to: ["sleep", "5"] }]);
  assert.deepEqual([await rig.pid("web"), await rig.now()], [pid, seq]);
});

test("the same file again changes nothing, whatever its form", async () => {
  await using rig = createRig();
  await rig.up({ web: base });
  const toml = rig.write("lares.toml", '[services.web]\ncommand = "sleep 1000"\nenv = { MODE = "one" }\n');
  const module = rig.write(
    "lares.config.ts",
    'const command: string = "sleep 1000";\nexport default { services: { web: { command, env: { MODE: "one" } } } };\n',
  );
  for (const file of [toml, module]) {
    const { plan } = await rig.json<ApplyReply>("apply", "--dry-run", "-f", file);
    assert.deepEqual(
      plan.map(({ service, action }) => [service, action]),
      [["web", "keep"]],
    );
  }
});

test("SIGHUP applies the file again; a broken one is refused with the reason and changes nothing", async () => {
  await using rig = createRig();
  await rig.up({ web: base, api: base });
  const pid = await rig.pid("web");
  const supervisor = await rig.client.supervisor();
  rig.configure({ web: base });
  process.kill(supervisor.pid, "SIGHUP");
  const applied = await rig.event({ type: "plan_applied", after: supervisor.seq });
  assert.deepEqual([applied.added, applied.changed, applied.removed], [0, 0, 1]);
  rig.write("lares.yaml", "services:\n  web:\n    comand: sleep 1\n");
  process.kill(supervisor.pid, "SIGHUP");
  const rejected = await rig.event({ type: "configuration_rejected" });
  assert.match(rejected.cause ?? "", /unknown key `comand`/);
  assert.deepEqual([await rig.pid("web"), (await rig.client.supervisor()).revision], [pid, applied.revision]);
});

test("a file that says `watch` is applied whenever it changes, also when it is replaced", async () => {
  await using rig = createRig();
  const watched = (services: object) => JSON.stringify({ watch: true, services });
  rig.write("lares.yaml", watched({ web: base }));
  await rig.ok("up");
  rig.write("lares.yaml", watched({ web: base, api: base }));
  await rig.event({ type: "became_ready", service: "api" });
  const fresh = rig.write("lares.yaml.new", watched({ web: base, api: base, third: base }));
  renameSync(fresh, `${rig.directory}/lares.yaml`);
  await rig.event({ type: "became_ready", service: "third" });
  assert.equal((await rig.instance("web")).generation, 1);
});

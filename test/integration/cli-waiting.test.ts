/** Commands that wait for what they asked for, against a supervisor whose every move is scripted. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { instance } from "../../src/cli/testing.ts";
import type { EventView, InstanceView } from "../../src/protocol/api.ts";
import { FakeHome, service, stream } from "./cli-fake.ts";

/** Answers that come one after the other; the last one stays. */
function inTurn<T>(...answers: T[]): () => T {
  return () => (answers.length > 1 ? answers.shift() : answers[0]) as T;
}

const target = { service: "api", slot: 0, generation: 2 };
const accepted = () => ({ seq: 5, targets: [target] });
const supervisor = () => ({ version: "0.1.0", pid: 1, keeperPid: null, seq: 5 });

function events(...list: EventView[]) {
  return (_: unknown, response: ServerResponse) => void stream(response, list);
}

function reloadEvent(type: string, { seq, cause }: { seq: number; cause: string }): EventView {
  return { at: "2026-11-22T07:00:00.000Z", seq, type, service: "api", cause };
}

test("restart waits until the next generation is up, and shows each state once", async () => {
  const states: InstanceView[][] = [
    [instance({ state: "stopping" })],
    [instance({ state: "starting", generation: 2 })],
    [instance({ generation: 2 })],
  ];
  await using home = await new FakeHome().listen({
    "GET /v1/services/api": () => service(),
    "POST /v1/actions": accepted,
    "GET /v1/instances": inTurn(...states),
    "GET /v1/events": events(),
  });
  const { code, stdout, stderr } = await home.run("restart", "api");
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(stdout, "api/0  stopping\napi/0  starting\napi/0  up\n");
  assert.deepEqual(home.asked.find(({ route }) => route === "POST /v1/actions")?.body, {
    action: "restart",
    targets: ["api"],
  });
  assert.equal(home.asked.find(({ route }) => route === "GET /v1/events")?.query.get("since"), "5");
});

test("with --json the progress is left out, and the end is one document", async () => {
  await using home = await new FakeHome().listen({
    "GET /v1/services/api": () => service(),
    "POST /v1/actions": accepted,
    "GET /v1/instances": () => [instance({ generation: 2 })],
    "GET /v1/events": events(),
  });
  const { code, stdout } = await home.run("start", "api", "--json");
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).instances[0].state, "up");
});

test("--no-wait returns as soon as the supervisor has accepted", async () => {
  await using home = await new FakeHome().listen({ "POST /v1/actions": accepted });
  assert.equal((await home.run("stop", "api", "--no-wait")).code, 0);
  assert.equal(home.asked.length, 1);
});

test("a service that fails shows its last lines and why, and exits with 1", async () => {
  await using home = await new FakeHome().listen({
    "GET /v1/services/api": () => service(),
    "POST /v1/actions": accepted,
    "GET /v1/instances": () => [instance({ state: "failed", generation: 2, reason: "restart limit reached" })],
    "GET /v1/events": events(),
  });
  const { code, stderr } = await home.run("start", "api");
  assert.equal(code, 1);
  assert.match(stderr, /\| listening\n {2}\| out of cheese/);
  assert.match(stderr, /error: Cannot start "api": api\/0 is failed: restart limit reached\nhint: .*lares logs api/);
});

test("a reload ends with its event, and a failed one says why", async () => {
  const script = (event: EventView) => ({
    "GET /v1/services/api": () => service({ lastFailure: null }),
    "POST /v1/actions": accepted,
    "GET /v1/instances": () => [instance()],
    "GET /v1/events": events(reloadEvent("reload_started", { seq: 6, cause: "asked for" }), event),
  });
  await using good = await new FakeHome().listen(
    script(reloadEvent("reload_completed", { seq: 7, cause: "asked for" })),
  );
  assert.equal((await good.run("reload", "api")).code, 0);
  await using bad = await new FakeHome().listen(
    script(reloadEvent("reload_failed", { seq: 7, cause: "exit code 1 before ready" })),
  );
  const { code, stderr } = await bad.run("reload", "api");
  assert.equal(code, 1);
  assert.match(stderr, /Cannot reload "api": the reload failed: exit code 1 before ready/);
});

test("--timeout ends the wait with 6, and says who blocks", async () => {
  await using home = await new FakeHome().listen({
    "GET /v1/services/api": () => service(),
    "POST /v1/actions": accepted,
    "GET /v1/instances": () => [instance({ state: "stopping" })],
    "GET /v1/events": events(),
  });
  const { code, stderr } = await home.run("stop", "api", "--timeout", "300ms");
  assert.equal(code, 6);
  assert.match(stderr, /not done after 0\.3 s\n {2}caused by: api\/0 is stopping/);
});

test("a supervisor that dies in the middle and comes back does not end the wait", async () => {
  await using home = await new FakeHome().listen({
    "GET /v1/services/api": () => service(),
    "POST /v1/actions": accepted,
    "GET /v1/instances": () => [instance({ state: "stopping" })],
    "GET /v1/events": events(),
  });
  const child = home.start("restart", "api");
  let stdout = "";
  child.stdout?.setEncoding("utf8").on("data", (text) => (stdout += text));
  while (!stdout.includes("stopping")) await once(child.stdout ?? child, "data");
  await home.close();
  const successor = createServer((request, response) => {
    if (request.url === "/v1/services/api") response.end(JSON.stringify(service()));
    else if (request.url?.startsWith("/v1/instances")) response.end(JSON.stringify([instance({ generation: 2 })]));
    else stream(response, []);
  });
  await new Promise<void>((resolve) => successor.listen(home.socket, resolve));
  const [code] = await once(child, "exit");
  successor.closeAllConnections();
  successor.close();
  assert.equal(code, 0);
  assert.match(stdout, /api\/0 {2}up\n$/);
});

const file = "services:\n  api:\n    command: sleep 60\n";

test("up shows the plan, applies what the file says, and waits for every service", async () => {
  const plan = [{ service: "api", action: "add", effect: "start", changes: [] }];
  await using home = await new FakeHome().listen({
    "GET /v1/supervisor": supervisor,
    "POST /v1/apply": () => ({ revision: 1, seq: 5, plan }),
    "GET /v1/instances": inTurn([instance({ state: "starting" })], [instance()]),
    "GET /v1/events": events(),
  });
  writeFileSync(join(home.directory, "lares.yaml"), file);
  const { code, stdout, stderr } = await home.run("up");
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(stdout, "+ api (start)\napi/0  starting\napi/0  up\n");
  const sent = home.asked.find(({ route }) => route === "POST /v1/apply")?.body;
  assert.equal(sent.source, join(home.directory, "lares.yaml"));
  assert.deepEqual(sent.services[0].command, ["sleep", "60"]);
});

test("a file that is invalid is refused before anything is asked, with the place of each error", async () => {
  await using home = await new FakeHome().listen({ "GET /v1/supervisor": supervisor });
  writeFileSync(join(home.directory, "lares.yaml"), `${file}    memroy: 5M\n`);
  for (const command of ["up", "apply"]) {
    const { code, stderr } = await home.run(command);
    assert.equal(code, 2);
    assert.match(stderr, /lares\.yaml:4:5: error: unknown key `memroy`/);
  }
  assert.deepEqual(home.asked, []);
  const { code, stdout } = await home.run("check", "--json");
  assert.equal(code, 2);
  assert.equal(JSON.parse(stdout).diagnostics[0].line, 4);
});

test("apply --dry-run only shows the plan", async () => {
  const changes = [{ key: "command", from: ["a"], to: ["sleep", "60"] }];
  await using home = await new FakeHome().listen({
    "POST /v1/apply": () => ({
      revision: 1,
      seq: 5,
      plan: [{ service: "api", action: "change", effect: "restart", changes }],
    }),
  });
  writeFileSync(join(home.directory, "lares.yaml"), file);
  const { code, stdout } = await home.run("apply", "--dry-run");
  assert.equal(code, 0);
  assert.equal(stdout, '~ api (restart)\n    command: ["a"] → ["sleep","60"]\n');
  assert.equal(home.asked[0]?.body.dryRun, true);
});

test("without a file, up waits for what the supervisor remembers, or says that there is nothing", async () => {
  await using home = await new FakeHome().listen({
    "GET /v1/supervisor": supervisor,
    "GET /v1/services/api": () => service(),
    "GET /v1/instances": inTurn<InstanceView[]>([], [instance({ state: "starting" })], [instance()]),
    "GET /v1/events": events(),
  });
  const none = await home.run("up");
  assert.equal(none.code, 2);
  assert.match(none.stderr, /there is no file, and nothing ran before/);
  const { code, stdout } = await home.run("up");
  assert.equal(code, 0);
  assert.match(stdout, /no file: the supervisor runs already\napi\/0 {2}up\n$/);
});

test("start makes a service of a program, and refuses what is neither", async () => {
  await using home = await new FakeHome().listen({
    "GET /v1/supervisor": supervisor,
    "POST /v1/apply": () => ({
      revision: 1,
      seq: 5,
      plan: [{ service: "web", action: "add", effect: "start", changes: [] }],
    }),
    "GET /v1/instances": () => [instance({ service: "web" }), instance({ service: "web", slot: 1 })],
    "GET /v1/events": events(),
  });
  writeFileSync(join(home.directory, "app.js"), "");
  const { code } = await home.run("start", "./app.js", "-i", "2", "--name", "web", "--", "--port", "80");
  assert.equal(code, 0);
  const sent = home.asked.find(({ route }) => route === "POST /v1/apply")?.body;
  assert.equal(sent.source, null);
  assert.equal(sent.services[0].instances, 2);
  assert.deepEqual(sent.services[0].command.slice(-2), ["--port", "80"]);
  const wrong = await home.run("start", "no-such-thing");
  assert.equal(wrong.code, 5);
  assert.match(wrong.stderr, /neither a service nor a program/);
});

test("down waits until the supervisor's process is gone", async () => {
  await using home = new FakeHome();
  const { spawn } = await import("node:child_process");
  const process_ = spawn("sleep", ["60"]);
  await home.listen({
    "GET /v1/supervisor": () => ({ ...supervisor(), pid: process_.pid }),
    "GET /v1/instances": () => [instance({ state: "stopping" })],
    "POST /v1/actions": () => {
      setTimeout(() => process_.kill(), 200);
      return { seq: 6, targets: [] };
    },
  });
  const { code } = await home.run("down");
  assert.equal(code, 0);
  assert.equal(process_.signalCode, "SIGTERM");
});

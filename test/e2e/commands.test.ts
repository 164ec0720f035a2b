/** The outer contract, command by command: shapes, exit codes, and what is shown. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { EventView, InstanceView, ServiceView } from "../../src/protocol/api.ts";
import { eventually } from "./eventually.ts";
import { createRig, program } from "./rig.ts";

const sleeper = { command: "sleep 1000" };

test("ls --json has the shape of the contract, before the first end and after it", async () => {
  await using rig = createRig();
  await rig.up({ web: sleeper });
  const [before] = await rig.json<InstanceView[]>("ls");
  assert.ok(before);
  assert.deepEqual(Object.keys(before), [
    ...["service", "slot", "state", "desired", "ready", "healthy", "pid", "generation", "revision", "startedAt"],
    ...["uptimeMs", "restarts", "slow", "exit", "memoryBytes", "cpuPercent", "reason", "statusText"],
  ]);
  const { pid, startedAt, uptimeMs, memoryBytes, cpuPercent, ...rest } = before;
  assert.deepEqual(rest, {
    ...{ service: "web", slot: 0, state: "up", desired: "up", ready: true, healthy: null, generation: 1, revision: 1 },
    ...{ restarts: 0, slow: false, exit: null, reason: null, statusText: null },
  });
  assert.ok(pid && pid > 1 && uptimeMs !== null && uptimeMs >= 0 && memoryBytes !== null && memoryBytes > 0);
  assert.ok(cpuPercent !== null && cpuPercent >= 0);
  assert.equal(startedAt, new Date(startedAt ?? "").toISOString());
  assert.equal((await rig.instance("web")).startedAt, startedAt, "it is the same however often one asks");
  process.kill(pid, "SIGKILL");
  const { exit, restarts, reason } = await rig.becomes("web", { generation: 2, state: "up" });
  assert.deepEqual([exit?.code, exit?.signal, exit?.status, restarts], [null, "SIGKILL", "known", 1]);
  assert.deepEqual(Object.keys(exit ?? {}), ["code", "signal", "status", "at"]);
  assert.match(reason ?? "", /^killed by SIGKILL; restarted after \d+ ms$/);
});

test("a command without a supervisor ends with 3 and says how to start one", async () => {
  await using rig = createRig();
  for (const words of [["ls"], ["stop", "web"], ["describe", "web"], ["events"], ["down"]]) {
    const { code, stderr } = await rig.fails(...words);
    assert.equal(code, 3, words.join(" "));
    assert.match(stderr, /^error: Cannot reach the supervisor: none is running at ".*lares\.sock"$/m);
    assert.match(stderr, /^hint: Start one with `lares up`/m);
  }
});

test("wrong usage ends with 2, an unknown service with 5, a wait that is too long with 6", async () => {
  await using rig = createRig();
  const late = { command: ["node", program("never-ready.js")], ready: { log: "never", timeout: "1m" } };
  await rig.up({ web: sleeper });
  for (const words of [["nosuch"], ["ls", "--nosuch"], ["stop"], ["signal", "NOSUCH", "web"], ["scale", "web=lots"]]) {
    const { code, stderr } = await rig.fails(...words);
    assert.equal(code, 2, `${words.join(" ")}: ${stderr}`);
    assert.match(stderr, /^error: /);
    assert.match(stderr, /^hint: /m);
  }
  for (const words of [
    ["stop", "nosuch"],
    ["restart", "web/7"],
    ["describe", "nosuch"],
    ["scale", "nosuch=2"],
  ]) {
    const { code, stderr } = await rig.fails(...words);
    assert.equal(code, 5, `${words.join(" ")}: ${stderr}`);
    assert.match(stderr, /^error: Cannot \w+ "/);
  }
  rig.configure({ web: sleeper, late });
  const { code, stderr } = await rig.fails("apply", "--timeout", "300ms");
  assert.equal(code, 6, stderr);
  assert.match(stderr, /^error: Cannot wait for "late": not done after 0\.3 s$/m);
  assert.match(stderr, /late\/0 is starting/);
});

test("start makes services of program files, each run by its interpreter, with no file at all", async () => {
  await using rig = createRig();
  for (const kind of ["js", "ts", "py", "sh"]) {
    await rig.ok("start", program(`app.${kind}`), "-i", "2", "--name", `web-${kind}`, "--", "--flag", "two words");
    const slots = (await rig.client.instances()).filter(({ service }) => service === `web-${kind}`);
    assert.deepEqual(
      slots.map(({ slot, state }) => `${slot} ${state}`),
      ["0 up", "1 up"],
    );
    const printed = await eventually(async () => {
      const text = await rig.ok("logs", `web-${kind}`);
      return text.split("\n").length === 3 && text;
    }, `${kind} has printed twice`);
    for (const slot of [0, 1])
      assert.match(printed, new RegExp(`^web-${kind}/${slot} \\| ${kind} --flag two words$`, "m"));
  }
  const { source, spec } = await rig.json<ServiceView>("describe", "web-js");
  assert.deepEqual([source, spec.instances, spec.directory], [null, 2, rig.directory]);
  const unknown = await rig.fails("start", "./nosuch.js");
  assert.equal(unknown.code, 5);
  assert.match(unknown.stderr, /^error: Cannot start "\.\/nosuch\.js": it is neither a service nor a program$/m);
});

test("signal, scale, reset and delete do as they say", async () => {
  await using rig = createRig();
  const command = "trap 'echo got it' USR1; echo ready; while :; do sleep 0.05; done";
  await rig.up({ web: { command, shell: true, ready: { log: "^ready" } }, api: sleeper });
  await rig.ok("signal", "USR1", "web");
  await eventually(async () => (await rig.ok("logs", "web")).includes("got it"), "the signal has arrived");
  await rig.ok("scale", "api=3");
  assert.equal(
    (await rig.client.instances()).filter(({ service, state }) => service === "api" && state === "up").length,
    3,
  );
  await rig.ok("scale", "api=1");
  const kept = await rig.client.instances();
  assert.deepEqual(
    kept.map(({ service, slot }) => `${service}/${slot}`),
    ["web/0", "api/0"],
  );
  const pid = await rig.pid("api");
  process.kill(pid, "SIGKILL");
  await rig.becomes("api", { generation: 2, state: "up" });
  await rig.ok("reset", "api");
  assert.equal((await rig.instance("api")).restarts, 0);
  await rig.ok("delete", "api");
  assert.deepEqual(
    (await rig.client.instances()).map(({ service }) => service),
    ["web"],
  );
});

test("describe shows the last failure with its last lines, its exit and its restarts", async () => {
  await using rig = createRig();
  const crash = { command: ["node", program("crash-after.js"), "50", "7"], restart: { policy: "never" } };
  await rig.begin({ web: crash });
  await rig.becomes("web", { state: "failed" });
  const { lastFailure, notEnforced, waitingFor, desired } = await rig.json<ServiceView>("describe", "web");
  assert.ok(lastFailure);
  const { at, exit, ...rest } = lastFailure;
  assert.deepEqual(rest, {
    ...{ slot: 0, generation: 1, reason: "exited with code 7", restarts: 0 },
    logTail: ["crashing with 7 after 50 ms"],
  });
  assert.equal(exit?.code, 7);
  assert.ok(Date.parse(exit.at) <= Date.parse(at));
  assert.deepEqual([notEnforced, waitingFor, desired], [[], [], "up"]);
  const text = await rig.ok("describe", "web");
  assert.match(text, /^last failure: web\/0 exited with code 7 at /m);
  assert.match(text, /\| crashing with 7 after 50 ms$/m);
});

test("events are numbered without gaps, dated, and say why", async () => {
  await using rig = createRig();
  await rig.up({ web: sleeper });
  const following = rig.follow("events", "-f", "--json");
  await rig.ok("restart", "web");
  await following.line(/"became_ready".*"generation":2/);
  const events = (await rig.ok("events", "--json"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as EventView);
  assert.deepEqual(
    events.map(({ seq }) => seq),
    events.map((_, index) => index + 1),
  );
  const types = events.map(({ type }) => type);
  for (const type of ["supervisor_started", "plan_applied", "spawned", "became_ready", "restart_requested", "exited"]) {
    assert.ok(types.includes(type), `${type} is not among ${types.join(" ")}`);
  }
  for (const { at } of events) assert.equal(at, new Date(at).toISOString());
  const exited = events.find(({ type }) => type === "exited");
  assert.deepEqual([exited?.service, exited?.slot, exited?.generation, exited?.signal], ["web", 0, 1, "SIGTERM"]);
  assert.equal(exited?.cause, "told to stop (restart)");
  const only = await rig.ok("events", "web", "--since", "#3");
  assert.doesNotMatch(only, /supervisor_started/);
});

test("logs follow several services with prefixes, and tell stderr from stdout", async () => {
  await using rig = createRig();
  const talks = { command: program("talks.sh") };
  await rig.up({ web: talks, worker: talks });
  const following = rig.follow("logs", "-f");
  await following.line(/^web\/0 +\| out \d\d$/);
  await following.line(/^worker\/0 ! err \d\d$/);
  await rig.ok("stop", "all");
  const errors = (await rig.ok("logs", "web", "--stderr", "-n", "3")).trimEnd().split("\n");
  assert.equal(errors.length, 3);
  for (const line of errors) assert.match(line, /^web\/0 ! err \d+$/);
  const json = JSON.parse((await rig.ok("logs", "web", "--stdout", "-n", "1", "--json")).trim());
  assert.deepEqual(Object.keys(json), ["time", "service", "slot", "stream", "line"]);
  assert.deepEqual([json.service, json.slot, json.stream], ["web", 0, "stdout"]);
  const both = (await rig.ok("logs", "web", "-n", "1000")).trimEnd().split("\n");
  for (const mark of ["\\| out", "! err"]) {
    const numbers = both.flatMap((line) => new RegExp(`^web/0 ${mark} (\\d+)$`).exec(line)?.[1] ?? []).map(Number);
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => index + 1),
      "nothing of either stream is missing or out of order",
    );
  }
});

/** What a command answers, as a script sees it: exit code, stdout, stderr. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync } from "node:fs";
import { createServer } from "node:net";
import { test } from "node:test";
import { instance } from "../../src/cli/testing.ts";
import { FakeHome, lares, refuse, run, service, stream } from "./cli-fake.ts";

const rows = [
  instance(),
  instance({ service: "worker", state: "failed", pid: null, uptimeMs: null, reason: "exit code 3" }),
];

test("ls --json is one document, the instances as the API gives them", async () => {
  await using home = await new FakeHome().listen({ "GET /v1/instances": () => rows });
  const { code, stdout, stderr } = await home.run("ls", "--json");
  assert.deepEqual([code, stderr], [0, ""]);
  assert.deepEqual(JSON.parse(stdout), rows);
});

test("ls without a terminal is a plain table that is never cut", async () => {
  await using home = await new FakeHome().listen({ "GET /v1/instances": () => rows });
  const { stdout } = await home.run("ls");
  assert.deepEqual(stdout.split("\n"), [
    "NAME      STATE    PID  UPTIME  RESTARTS   CPU  MEM  REASON",
    "api/0     up      4711     51s         0  1.5%  46M",
    "worker/0  failed     -       -         0  1.5%  46M  exit code 3",
    "",
  ]);
  const { stdout: only } = await home.run("ls", "worker/0");
  assert.equal(only.split("\n").length, 3);
});

test("describe shows the last failure with its log lines, and nothing that steers the terminal", async () => {
  await using home = await new FakeHome().listen({ "GET /v1/services/api": () => service() });
  const { code, stdout } = await home.run("describe", "api");
  assert.equal(code, 0);
  assert.match(stdout, /last failure: api\/0 killed by SIGKILL/);
  assert.match(stdout, /\| out of cheese \ufffd\[2J/);
  assert.match(stdout, /command +node 'my server.js'/);
  assert.match(stdout, /not enforced: memory: no cgroup/);
});

test("events are lines with their cause, or NDJSON", async () => {
  const events = [
    { at: "2026-11-22T07:00:00.000Z", seq: 1, type: "spawned", service: "api", slot: 0, pid: 12 },
    { at: "2026-11-22T07:00:01.000Z", seq: 2, type: "exited", service: "api", slot: 0, cause: "killed by SIGKILL" },
  ];
  await using home = await new FakeHome().listen({
    "GET /v1/events": (_, response) => void stream(response, events).end(),
  });
  assert.match((await home.run("events")).stdout, /api\/0 +exited \(killed by SIGKILL\)\n$/);
  const { stdout } = await home.run("events", "--json", "--since", "#7");
  assert.deepEqual(
    stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
    events,
  );
  assert.equal(home.asked.at(-1)?.query.get("since"), "7");
});

test("each kind of failure has its exit code, and says what to do", async () => {
  await using home = await new FakeHome().listen({
    "GET /v1/services/api": (_, response) =>
      refuse(response, 500, {
        code: "operation_failed",
        message: "Cannot describe",
        hint: "Wait.",
        causes: ["one", "two"],
      }),
    "POST /v1/actions": (_, response) =>
      refuse(response, 404, { code: "no_such_service", message: 'Cannot stop "nope": there is no such service' }),
  });
  const cases: [string[], number, RegExp][] = [
    [["describe", "api"], 1, /^error: Cannot describe\n {2}caused by: one\n {2}caused by: two\nhint: Wait\.\n$/],
    [["lss"], 2, /"lss": there is no such command\nhint: Did you mean `lares ls`\?/],
    [["ls", "--jsn"], 2, /hint: Did you mean `--json`\?/],
    [["stop"], 2, /no service is named/],
    [["signal", "SIGHUPP", "api"], 2, /Did you mean `SIGHUP`\?/],
    [["stop", "api", "--timeout", "5"], 2, /is not a duration/],
    [["stop", "nope"], 5, /there is no such service/],
  ];
  for (const [words, code, stderr] of cases) {
    const outcome = await home.run(...words);
    assert.match(outcome.stderr, stderr, words.join(" "));
    assert.equal(outcome.code, code, words.join(" "));
    assert.equal(outcome.stdout, "");
  }
});

test("with --json an error is JSON, too", async () => {
  await using home = new FakeHome();
  const { code, stderr } = await home.run("ls", "--json");
  assert.equal(code, 3);
  assert.equal(JSON.parse(stderr).error.code, "no_supervisor");
});

test("no socket, and a socket nobody listens on, mean that no supervisor runs", async () => {
  await using home = new FakeHome();
  const { code, stderr } = await home.run("ls");
  assert.equal(code, 3);
  assert.match(stderr, /none is running at .*lares\.sock"\nhint: Start one with `lares up`/);
  // A process that dies leaves its socket behind.
  await home.listen({});
  const orphan = `const s = require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`;
  await home.close();
  await run([process.execPath, "-e", orphan, home.socket]);
  assert.equal((await home.run("ls")).code, 3);
});

test("a socket that may not be used is told apart from none", {
  skip: process.getuid?.() !== 0 && "needs root",
}, async () => {
  await using home = await new FakeHome().listen({});
  chmodSync(home.directory, 0o755);
  chmodSync(home.socket, 0o600);
  const asNobody = ["-c", 'exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"', "sh"];
  const { code, stderr } = await run(["/bin/sh", ...asNobody, ...lares, "ls", "--home", home.directory]);
  assert.equal(code, 4);
  assert.match(stderr, /no access to/);
});

test("something else that listens on the socket is not taken for a supervisor", async () => {
  await using home = await new FakeHome().listen({});
  await home.close();
  const server = createServer((socket) => socket.end("220 mail.example.org\r\n\r\n")).listen(home.socket);
  await once(server, "listening");
  const { code, stderr } = await home.run("ls");
  server.close();
  assert.equal(code, 1);
  assert.match(stderr, /it does not speak HTTP/);
});

test("a home too deep for a socket address works", async () => {
  await using outer = new FakeHome();
  const deep = `${outer.directory}/${"d".repeat(120)}`;
  await using home = await new FakeHome(deep).listen({ "GET /v1/instances": () => rows });
  assert.equal((await home.run("ls")).code, 0);
});

test("a reader that leaves ends the command quietly", async () => {
  const many = Array.from({ length: 20_000 }, (_, slot) => instance({ slot }));
  await using home = await new FakeHome().listen({
    "GET /v1/instances": () => many,
    "GET /v1/events": (_, response) => {
      stream(response, []);
      const event = { at: "2026-11-22T07:00:00.000Z", seq: 1, type: "spawned" };
      const timer = setInterval(() => response.write(`${JSON.stringify(event)}\n`), 5);
      response.on("close", () => clearInterval(timer));
    },
  });
  for (const command of ["ls --json", "ls", "events -f"]) {
    const shell = spawn("/bin/sh", ["-c", `${lares.join(" ")} ${command} --home ${home.directory} | head -n 1`]);
    let stderr = "";
    shell.stderr.on("data", (text) => (stderr += text));
    shell.stdout.resume();
    await once(shell, "close");
    assert.equal(stderr, "", command);
  }
});

test("a large answer arrives whole through a pipe", async () => {
  const many = Array.from({ length: 5000 }, (_, slot) => instance({ slot }));
  await using home = await new FakeHome().listen({ "GET /v1/instances": () => many });
  const { stdout } = await run(["/bin/sh", "-c", `${lares.join(" ")} ls --json --home ${home.directory} | cat`]);
  assert.equal(JSON.parse(stdout).length, 5000);
});

test("help and version need no supervisor", async () => {
  await using home = new FakeHome();
  assert.match((await home.run("--help")).stdout, /describe +show everything about a service/);
  assert.match((await home.run("help", "up")).stdout, /Usage: lares up/);
  assert.match((await home.run("logs", "--help")).stdout, /Examples:\n {2}lares logs -f/);
  assert.match((await home.run("version")).stdout, /^lares \d+\.\d+\.\d+ .*\nsupervisor not running\n$/);
  assert.match((await home.run("--version")).stdout, /^lares /);
});

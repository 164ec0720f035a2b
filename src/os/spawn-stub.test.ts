import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, test } from "node:test";
import { closeOnExecAll } from "./descriptors.ts";
import { composeStub, needsStub } from "./spawn-stub.ts";
import { command, run, TEST_PATH } from "./testing.ts";

closeOnExecAll();

test("nothing asked for needs no stub", () => {
  assert.equal(needsStub({}), false);
  assert.equal(needsStub({ limits: {}, niceIncrement: 0, listenPid: false }), false);
  assert.equal(needsStub({ umask: 0 }), true);
});

test("another user's process gets its cgroup opened by root, after its own descriptors", () => {
  const needs = { cgroupProcs: "/c/cgroup.procs", identity: { uid: 1, gid: 1, groups: [] } };
  const few = composeStub(["true"], { needs, env: {}, fdCount: 3 });
  assert.deepEqual([few.cgroupFd, few.keepsCredentials], [3, false]);
  const many = composeStub(["true"], { needs, env: {}, fdCount: 10 });
  assert.deepEqual([many.cgroupFd, many.keepsCredentials], [undefined, true]);
  assert.ok(many.argv.join(" ").endsWith("setpriv --reuid=1 --regid=1 --clear-groups -- true"));
});

/** Programs that may be /bin/sh, and where they are. Only what this machine has is tried. */
const shells = ["/bin/dash", "/bin/bash", "/bin/busybox"].filter((path) => existsSync(path));

describe("the stub", () => {
  for (const shell of shells) {
    test(`works in ${shell}`, async () => {
      const env = { PATH: TEST_PATH, "a.b": "1 2", OPTIND: "7", KEPT: "it's" };
      const needs = { umask: 0o27, niceIncrement: 2, limits: { files: 99, coreBytes: 1024 }, listenPid: true };
      const script =
        "umask; ulimit -n; ulimit -c; test $LISTEN_PID = $$ && echo same; tr '\\0' '\\n' </proc/self/environ";
      const stub = composeStub(["dash", "-c", script], { needs, env, fdCount: 3 });
      const { output, status, pid } = await run({ ...command(shell), argv: stub.argv, env: stub.env });
      assert.deepEqual(status, { code: 0, signal: null });
      const [umask, files, core, same, ...variables] = output.trim().split("\n");
      assert.deepEqual([umask, files, core, same], ["0027", "99", "2", "same"]);
      // dash, which prints this, drops and adds some of its own.
      for (const expected of [`LISTEN_PID=${pid}`, "KEPT=it's"]) assert.ok(variables.includes(expected), expected);
    });

    test(`hands on strange variables and adds none in ${shell}`, async () => {
      const env = { PATH: TEST_PATH, "a.b": "1 2", OPTIND: "7", IFS: "-", PPID: "1" };
      const stub = composeStub(["env"], { needs: { umask: 0 }, env, fdCount: 3 });
      const { output } = await run({ ...command(shell), argv: stub.argv, env: stub.env });
      // Those two are the documented limit of bash.
      const seen = output
        .trim()
        .split("\n")
        .filter((line) => !/^(_|SHLVL)=/.test(line));
      assert.deepEqual(
        seen.sort(),
        Object.entries(env)
          .map(([name, value]) => `${name}=${value}`)
          .sort(),
      );
    });

    test(`names the step that failed in ${shell}`, async () => {
      const needs = { cgroupProcs: "/no/such/it's" };
      const stub = composeStub(["true"], { needs, env: {}, fdCount: 3 });
      const { output, status } = await run({ ...command(shell), argv: stub.argv, env: stub.env });
      assert.match(output, /^lares: cannot enter cgroup \/no\/such\/it's$/m);
      assert.deepEqual(status, { code: 126, signal: null });
    });
  }
});

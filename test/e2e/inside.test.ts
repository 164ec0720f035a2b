/** What a program sees of itself: what was configured, and nothing of those who started it. */
import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import { userInfo } from "node:os";
import { test } from "node:test";
import { eventually } from "./eventually.ts";
import { freePort } from "./ports.ts";
import { createRig, isRoot, program, type Rig } from "./rig.ts";

const self = { command: program("prints-itself.sh"), ready: { log: "^PWD=" } };

test("the environment is what was configured, and leaks nothing of the command's or the supervisor's", async () => {
  await using rig = createRig();
  Object.assign(rig.env, {
    SECRET: "of the supervisor",
    USER: "somebody",
    LANG: "C.UTF-8",
    NODE_OPTIONS: "--no-warnings",
  });
  await rig.up({ first: { command: "sleep 1000" } });
  rig.env.SECRET = "of the command";
  rig.env.ANOTHER = "of the command";
  const port = await freePort();
  rig.configure({
    web: { ...self, env: { MODE: "test" }, listen: { http: `127.0.0.1:${port}` }, health: { watchdog: "1m" } },
  });
  await rig.ok("apply");
  const lines = await printed(rig, "web");
  const environment = new Map(
    lines.filter((line) => /^[A-Z_]+=/.test(line)).map((line) => line.split("=", 2) as [string, string]),
  );
  // What a shell sets by itself.
  for (const name of ["PWD", "OLDPWD", "SHLVL", "_"]) environment.delete(name);
  assert.deepEqual([...environment.keys()].sort(), [
    ...["HOME", "LANG", "LARES_INSTANCE", "LARES_SERVICE", "LARES_SLOT", "LISTEN_FDNAMES", "LISTEN_FDS", "LISTEN_PID"],
    ...["MODE", "NOTIFY_SOCKET", "PATH", "USER", "WATCHDOG_USEC"],
  ]);
  const pid = String(await rig.pid("web"));
  const expected = { LISTEN_PID: pid, LISTEN_FDS: "1", LISTEN_FDNAMES: "http", WATCHDOG_USEC: "60000000" };
  for (const [name, value] of Object.entries({ ...expected, LARES_SERVICE: "web", LARES_SLOT: "0", MODE: "test" })) {
    assert.equal(environment.get(name), value, name);
  }
  assert.doesNotMatch(lines.join("\n"), /of the (supervisor|command)/);
});

test("user, umask, nice, limits and directory are as configured; stdin is empty and nothing else is open", async () => {
  await using rig = createRig();
  const limits = { files: 333, core: 0 };
  const user = isRoot ? "nobody" : userInfo().username;
  await rig.up({ web: { ...self, user, umask: "027", nice: 7, directory: "/usr", limits } });
  const lines = await printed(rig, "web");
  const has = (line: string) => assert.ok(lines.includes(line), `${line} is not among\n${lines.join("\n")}`);
  if (isRoot) has("user=nobody group=nogroup groups=nogroup");
  has("umask=0027 nice=7 directory=/usr");
  has("files=333 core=0");
  has(`USER=${user}`);
  const pid = await rig.pid("web");
  has(`ids=${pid} ${pid} ${pid}`);
  assert.deepEqual(readdirSync(`/proc/${pid}/fd`), ["0", "1", "2"]);
  assert.equal(readlinkSync(`/proc/${pid}/fd/0`), "/dev/null");
});

async function printed(rig: Rig, service: string): Promise<readonly string[]> {
  return eventually(async () => {
    const lines = (await rig.ok("logs", service, "-n", "100", "--json")).trimEnd().split("\n");
    const texts = lines.map((line) => JSON.parse(line).line as string);
    return texts.some((text) => text.startsWith("PWD=")) && texts;
  }, "it has printed all");
}

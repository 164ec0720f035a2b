/** Programs that cannot be started, or behave badly once they are: the answer names the cause, and the others go on. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { isAlive } from "../../src/client/alive.ts";
import type { InstanceView, ServiceView } from "../../src/protocol/api.ts";
import { run } from "./commands.ts";
import { eventually } from "./eventually.ts";
import { listening } from "./ports.ts";
import { createRig, program } from "./rig.ts";

/** Gives up soon. */
const restart = { delay: "5ms", jitter: 0, intensity: 2, period: "1m" };

const unstartable: readonly { name: string; service: (path: (name: string) => string) => object; says: RegExp }[] = [
  {
    name: "a program that is not there",
    service: () => ({ command: "/no/such/program" }),
    says: /Cannot start "\/no\/such\/program": "\/no\/such\/program" does not exist \(Correct the path/,
  },
  {
    name: "a program that is not on PATH",
    service: () => ({ command: "nosuchprogram --flag" }),
    says: /Cannot start "nosuchprogram": .*PATH/,
  },
  {
    name: "a file that is not executable",
    service: (path) => ({ command: path("plain") }),
    says: /is not executable by this user \(Run `chmod \+x /,
  },
  {
    name: "a directory that is not there",
    service: () => ({ command: "sleep 1000", directory: "/no/such/directory" }),
    says: /its directory "\/no\/such\/directory" does not exist \(Run `mkdir -p/,
  },
  {
    name: "a user that does not exist",
    service: () => ({ command: "sleep 1000", user: "nosuchuser" }),
    says: /Cannot run as user "nosuchuser": there is no such user \(Run `useradd/,
  },
  {
    name: "a group that does not exist",
    service: () => ({ command: "sleep 1000", group: "nosuchgroup" }),
    says: /"nosuchgroup"/,
  },
  {
    name: "a script whose interpreter is not there",
    service: (path) => ({ command: path("script") }),
    says: /names the interpreter "\/no\/such\/interpreter", which does not exist \(Install that interpreter/,
  },
];

for (const { name, service, says } of unstartable) {
  test(`${name} fails the start at once with the reason and a hint; what else is in the file runs`, async () => {
    await using rig = createRig();
    rig.write("plain", "echo hello\n", { mode: 0o644 });
    rig.write("script", "#!/no/such/interpreter\n", { mode: 0o755 });
    rig.configure({
      // Long before the policy gives up.
      web: {
        ...service((file) => `${rig.directory}/${file}`),
        restart: { delay: "10m", delay_max: "10m", period: "1d" },
      },
      other: { command: "sleep 1000" },
    });
    const { code, stderr } = await rig.fails("up");
    assert.equal(code, 1);
    assert.match(stderr, says);
    assert.match(stderr, /^error: Cannot bring up "web": web\/0 cannot be started: /m);
    assert.match(stderr, /^hint: Correct that, /m);
    assert.equal((await rig.instance("other")).state, "up");
    const { state, reason } = await rig.instance("web");
    assert.equal(state, "backoff", "what the policy says is done all the same");
    assert.match(reason ?? "", says);
  });
}

test("one that crashes again and again fails the start, though `then: slow` tries it for ever", async () => {
  await using rig = createRig();
  const slow = { command: ["sh", "-c", "echo broken; exit 3"], restart: { ...restart, period: "2s", then: "slow" } };
  const other = { command: "sleep 1000" };
  // The second comes after its limit was reached: no event says so any more.
  for (const words of [["up"], ["apply"], ["apply"]]) {
    rig.configure({ slow, other });
    const { code, stderr } = await rig.fails(...words, "--timeout", "20s");
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^error: Cannot bring up "slow": slow\/0 fails again and again: exited with code 3/m);
    assert.match(stderr, /^hint: See what it wrote with `lares logs slow`/m);
    assert.match(stderr, /broken/);
    assert.equal((await rig.instance("slow")).slow, true);
    assert.equal((await rig.instance("other")).state, "up");
  }
  rig.configure({ slow: { ...slow, command: "sleep 1000" }, other });
  await rig.ok("apply", "--timeout", "20s");
  assert.equal((await rig.instance("slow")).slow, false);
});

test("a port that is taken fails the start, and the message names the holder", async () => {
  await using rig = createRig();
  const server = await listening();
  const { port } = server.address() as AddressInfo;
  rig.configure({ web: { command: "sleep 1000", listen: { http: `127.0.0.1:${port}` }, restart } });
  const { code, stderr } = await rig.fails("up");
  server.close();
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`127\\.0\\.0\\.1:${port}.*\\(pid ${process.pid}\\)`));
  // Free by now: a start by hand succeeds.
  await rig.ok("start", "web");
});

test("`lares ls` is answered at once while a service floods its output", async () => {
  await using rig = createRig();
  await rig.up({ flood: { command: ["node", program("floods.js")], log: { max_size: "8M", keep: 2, total: "32M" } } });
  const [bare, answers]: [number[], number[]] = [[], []];
  for (let count = 0; count < 9; count++) {
    bare.push(await tookMs(() => run(["-e", "0"], { command: process.execPath, cwd: rig.directory, env: rig.env })));
    answers.push(await tookMs(async () => assert.match(await rig.ok("ls"), /^flood\/0 +up/m)));
  }
  // Half of them: a single one may be held up by what else the machine does. A Node that does nothing takes 40 ms.
  const limitMs = Math.max(300, 5 * median(bare));
  assert.ok(median(answers) < limitMs, `half of the answers took more than ${median(answers)} ms, not ${limitMs} ms`);
});

test("a line of ten megabytes loses nothing, and what follows is a line of its own", async () => {
  await using rig = createRig();
  await rig.up({ web: { command: ["node", program("ten-megabyte-line.js")], ready: { log: "^after it$" } } });
  // Readers are given such a line in pieces that fit into memory.
  const lines = (await rig.ok("logs", "web", "-n", "100", "--json")).trimEnd().split("\n");
  const pieces = lines.map((line) => JSON.parse(line).line as string);
  assert.equal(pieces.pop(), "after it");
  assert.ok(pieces.join("") === "0123456789".repeat(1024 * 1024));
});

test("bytes that are no text come to disk as they were written", async () => {
  await using rig = createRig();
  await rig.up({ web: { command: ["node", program("binary-bytes.js")], log: { compress: "none" } } });
  const { logDirectory } = await rig.json<ServiceView>("describe", "web");
  const expected = Buffer.from(Array.from({ length: 65536 }, (_, pair) => [pair >> 8, pair & 255]).flat());
  const written = () => {
    const names = readdirSync(logDirectory).filter((name) => name.includes("stdout") && name.endsWith(".log"));
    return Buffer.concat(names.map((name) => readFileSync(`${logDirectory}/${name}`)));
  };
  await eventually(() => written().length >= expected.length, "everything is written");
  assert.ok(written().equals(expected));
  assert.equal((await rig.lares("logs", "web")).code, 0);
});

test("a program that forks and exits is told to have ended, and nothing of it stays", async () => {
  await using rig = createRig();
  await rig.begin({ web: { command: program("forks-and-exits.sh"), restart: { ...restart, policy: "on-failure" } } });
  await rig.becomes("web", { state: "completed" });
  const line = JSON.parse((await rig.ok("logs", "web", "--json")).split("\n")[0] ?? "").line as string;
  const fork = Number(/^forked (\d+)$/.exec(line)?.[1]);
  assert.ok(fork > 1);
  assert.equal(isAlive(fork), false);
});

test("500 services that crash at once are all restarted and limited, and the supervisor answers meanwhile", async () => {
  await using rig = createRig();
  const crashing = { command: "false", restart };
  const names = Array.from({ length: 500 }, (_, index) => `s${index}`);
  await rig.begin(Object.fromEntries(names.map((name) => [name, crashing])));
  const slowest = { ms: 0 };
  const failed = await eventually(async () => {
    const before = performance.now();
    const instances = await rig.client.instances();
    slowest.ms = Math.max(slowest.ms, performance.now() - before);
    return instances.length === 500 && instances.every(({ state }) => state === "failed") && instances;
  }, "all have failed");
  assert.ok(slowest.ms < 10_000, `an answer took ${slowest.ms} ms`);
  assert.deepEqual(
    countBy(failed, ({ restarts, exit }) => `${restarts} restarts, code ${exit?.code}`),
    {
      "2 restarts, code 1": 500,
    },
  );
});

async function tookMs(action: () => Promise<unknown>): Promise<number> {
  const before = performance.now();
  await action();
  return performance.now() - before;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function countBy(instances: readonly InstanceView[], key: (instance: InstanceView) => string): Record<string, number> {
  return Object.fromEntries(
    Object.entries(Object.groupBy(instances, key)).map(([name, members]) => [name, members?.length ?? 0]),
  );
}

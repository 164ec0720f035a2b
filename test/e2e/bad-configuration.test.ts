/** Files that are wrong are refused with the place and the way out, and change nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRig, type Rig } from "./rig.ts";

interface Case {
  readonly name: string;
  readonly file: string;
  readonly says: readonly RegExp[];
}

const cases: readonly Case[] = [
  {
    name: "an unknown key names the nearest",
    file: "services:\n  web:\n    comand: sleep 1000\n",
    says: [
      /^\S*lares\.yaml:3:5: error: .*comand/m,
      /^ +3 \| +comand: sleep 1000$/m,
      /^ +\| +~{6}$/m,
      /hint: .*`command`/,
    ],
  },
  {
    name: "a wrong type says what is wanted",
    file: "services:\n  web:\n    command: sleep 1000\n    instances: lots\n",
    says: [/lares\.yaml:4:16: error: expected a number from 0 to 10000, or `max`, found "lots"$/m, /^ +\| +~{4}$/m],
  },
  {
    name: "a cycle is printed",
    file: "services:\n  a: { command: 'true', after: [b] }\n  b: { command: 'true', after: [c] }\n  c: { command: 'true', requires: [a] }\n",
    says: [/lares\.yaml:\d+:\d+: error: /, /a → b → c → a|b → c → a → b|c → a → b → c/],
  },
  {
    name: "a restart limit that can never be reached is no limit",
    file: "services:\n  web: { command: 'true', restart: { delay: 10s, intensity: 10, period: 20s } }\n",
    says: [/the restart limit can never be reached/, /hint: Raise `period`/],
  },
  {
    name: "a file that is no YAML",
    file: "services:\n  web: [\n",
    says: [/lares\.yaml:\d+:\d+: error: /],
  },
  {
    name: "two services cannot have one listener's address",
    file: "services:\n  a: { command: 'true', listen: { http: 127.0.0.1:9 } }\n  b: { command: 'true', listen: { http: 127.0.0.1:9 } }\n",
    says: [/lares\.yaml:3:\d+: error: .*127\.0\.0\.1:9/],
  },
];

for (const { name, file, says } of cases) {
  test(`${name}; the file is refused before anything is started`, async () => {
    await using rig = createRig();
    rig.write("lares.yaml", file);
    for (const command of ["up", "check"]) await refuses(rig, command, says);
    assert.equal((await rig.lares("ls")).code, 3, "no supervisor was started for it");
  });
}

test("a broken file on apply changes nothing of what runs", async () => {
  await using rig = createRig();
  await rig.up({ web: { command: "sleep 1000" }, api: { command: "sleep 1000" } });
  const before = await rig.client.instances();
  const seq = await rig.now();
  for (const { file, says } of cases) {
    rig.write("lares.yaml", file);
    await refuses(rig, "apply", says);
    await refuses(rig, "up", says);
  }
  const after = await rig.client.instances();
  const kept = (list: typeof before) =>
    list.map(({ service, pid, generation, revision }) => [service, pid, generation, revision]);
  assert.deepEqual(kept(after), kept(before));
  assert.equal(await rig.now(), seq, "nothing was even tried");
});

test("a file that is not there is named", async () => {
  await using rig = createRig();
  const { code, stderr } = await rig.fails("apply", "-f", "nowhere.yaml");
  assert.equal(code, 2);
  assert.match(stderr, /^nowhere\.yaml: error: there is no such file$/m);
  assert.match(stderr, /^hint: /m);
});

async function refuses(rig: Rig, command: string, says: readonly RegExp[]): Promise<void> {
  const { code, stderr } = await rig.fails(command);
  assert.equal(code, 2, stderr);
  for (const pattern of says) assert.match(stderr, pattern);
  if (command !== "check") assert.match(stderr, /^error: Cannot use configuration ".*lares\.yaml": it has one error$/m);
}

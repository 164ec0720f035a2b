import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { laneFile } from "../protocol/lane-file.ts";
import { leadTo, removeLaneFile, wayToLane } from "./unix-lanes.ts";

const directory = mkdtempSync(join(tmpdir(), "lares-lanes-"));
after(() => rmSync(directory, { recursive: true }));
let path: string;
let count = 0;
beforeEach(() => {
  count += 1;
  path = join(directory, `${count}.sock`);
});

test("a path leads from one socket to another and back, and each can be reached by itself", async () => {
  const [first, second] = [await listener(path, "first"), await listener(laneFile(path, 1), "second")];
  const answers = async () => [await ask(path), await ask(wayToLane(path, 0)), await ask(wayToLane(path, 1))];
  assert.deepEqual(await answers(), ["first", "first", "second"]);
  leadTo(path, { lane: 1, lanes: [0, 1] });
  leadTo(path, { lane: 1, lanes: [0, 1] });
  assert.deepEqual(await answers(), ["second", "first", "second"]);
  leadTo(path, { lane: 0, lanes: [0, 1] });
  assert.deepEqual(await answers(), ["first", "first", "second"]);
  removeLaneFile(path, 1);
  assert.deepEqual(files(), [path]);
  removeLaneFile(path, 0);
  assert.deepEqual(files(), []);
  for (const server of [first, second]) server.close();
});

test("one that is closed while the path leads to it makes room for another", async () => {
  const [first, second] = [await listener(path, "first"), await listener(laneFile(path, 1), "second")];
  removeLaneFile(path, 0);
  leadTo(path, { lane: 1, lanes: [1] });
  assert.equal(await ask(path), "second");
  assert.deepEqual(files(), [path]);
  for (const server of [first, second]) server.close();
});

function files(): readonly string[] {
  const all = readdirSync(directory).map((name) => join(directory, name));
  return all.filter((name) => name.startsWith(path));
}

async function listener(at: string, answer: string): Promise<Server> {
  const server = createServer((socket) => socket.end(answer)).listen(at);
  await once(server, "listening");
  return server;
}

async function ask(at: string): Promise<string> {
  const socket = connect(at);
  let answer = "";
  for await (const chunk of socket) answer += chunk;
  return answer;
}

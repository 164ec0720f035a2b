import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { logs, roomyLimits } from "./capture.fixture.ts";
import { Housekeeper } from "./housekeeper.ts";
import { lastWords } from "./last-words.ts";
import { listSegments } from "./segments.ts";

const stdout = { slot: 0, stream: "stdout" } as const;
const numbered = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => `line ${from + at}`);

/** Generation 1, then generation 2, each saying fifty lines in segments of three. */
function twoGenerations(limits: { maxSizeBytes: number }) {
  const service = logs({ limits }).stream();
  const first = service.start(1);
  for (const line of numbered(0, 50)) first.say(`${line}\n`);
  first.end();
  const second = service.start(2);
  for (const line of numbered(50, 100)) second.say(`${line}\n`);
  return { ...service, second };
}

async function compress(directory: string): Promise<void> {
  const keeper = new Housekeeper((error) => assert.fail(error));
  keeper.tidy(directory, { ...roomyLimits, compress: "zstd" });
  await keeper.idle();
}

test("the last lines are read back through rotated segments, compressed or not", async () => {
  const { directory, second } = twoGenerations({ maxSizeBytes: 20 });
  assert.ok(listSegments(directory).length > 20);
  assert.deepEqual(second.capture.lastWords(), numbered(80, 100));
  await compress(directory);
  assert.deepEqual(second.capture.lastWords(), numbered(80, 100));
  // As a supervisor that was started in between: nothing is remembered.
  assert.deepEqual(lastWords(directory, stdout, { generation: 2 }), numbered(80, 100));
  second.end();
});

test("the end of a large segment is found although it was compressed, also where a frame ends just before", async () => {
  const service = logs({ limits: { maxSizeBytes: 6_000_000 } }).stream();
  const instance = service.start(1);
  const lines = 5 * 1024;
  instance.write(`${"x".repeat(1023)}\n`.repeat(lines));
  instance.write(`almost\n${"y".repeat(1_000)}\n`);
  instance.write(`${"z".repeat(1023)}\n`.repeat(Math.ceil(6_000_000 / 1024) - lines));
  instance.say("first of the next\n");
  const ended = instance.capture.lastWords();
  assert.equal(ended.at(-1), "first of the next");
  await compress(service.directory);
  assert.deepEqual(instance.capture.lastWords(), ended);
  assert.deepEqual(lastWords(service.directory, stdout, { generation: 1 }), ended);
  instance.end();
});

test("what other generations said is left out, also when they shared the file", () => {
  const service = logs().stream();
  const old = service.start(1);
  const young = service.start(2);
  for (let number = 0; number < 30; number += 1) {
    old.say(`old ${number}\n`);
    if (number % 10 === 0) young.say(`young ${number}\n`);
  }
  assert.deepEqual(young.capture.lastWords(), ["young 0", "young 10", "young 20"]);
  assert.deepEqual(old.capture.lastWords().at(0), "old 10");
  old.end();
  young.end();
});

test("a generation that said nothing has no last words, and a line that is cut is left out", () => {
  const service = logs().stream();
  const first = service.start(1);
  first.say(`${"long ".repeat(2_000)}end\nshort\n`);
  assert.deepEqual(first.capture.lastWords(), ["short"]);
  const silent = service.start(2);
  assert.deepEqual(silent.capture.lastWords(), []);
  first.end();
  silent.end();
});

test("a line without an end is among them, and without an index nothing is missing", () => {
  const service = logs().stream();
  const instance = service.start(1);
  instance.say("one\ntwo");
  assert.deepEqual(instance.capture.lastWords(), ["one", "two"]);
  rmSync(join(service.directory, "0.stdout.idx"));
  assert.deepEqual(instance.capture.lastWords(), ["one", "two"]);
  instance.end();
});

import assert from "node:assert/strict";
import { readdirSync, readFileSync, renameSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { duplicate } from "../os/descriptors.ts";
import { pipeNote } from "../os/pipe-note.ts";
import { closeFd, createPipe, discard, type Pipe, splice, type spliceInThread } from "../os/pipes.ts";
import { logDirectory, logs } from "./capture.fixture.ts";
import { Flights } from "./flights.ts";

type Thread = typeof spliceInThread;

/** Lines that say which they are; `bytes` of them and a little more. */
function linesOf(bytes: number, from = 0): string {
  let text = "";
  for (let number = from; text.length < bytes; number += 1) text += `${number} ${"x".repeat(number % 173)}\n`;
  return text;
}

/** Threads that write so much of a batch, and are then heard of no more, as if everything had been killed. */
const dyingAfter =
  (share: number): Thread =>
  ({ from, to, offset, length }) => {
    const part = Math.floor(length * share);
    if (part > 0) splice({ from, to, offset, length: part });
  };

/** The same stream under the next supervisor: another descriptor of the same pipe, and what is in the files. */
function afterKill(directory: string, pipe: Pipe, maxSizeBytes: number) {
  const service = logs({ directory, limits: { maxSizeBytes } }).stream();
  return { service, instance: service.start(1, {}, { pipe }) };
}

/** Has a batch begun and everything killed at some step of it; `meanwhile` is what then happens to the files. */
function killedInFlight(options: {
  readonly text: string;
  readonly maxSizeBytes?: number;
  readonly thread: Thread;
  readonly meanwhile?: (directory: string, pipe: Pipe, begun: number) => void;
}) {
  const { text, maxSizeBytes = 50_000_000, thread, meanwhile } = options;
  const directory = logDirectory();
  const service = logs({ directory, limits: { maxSizeBytes } }).stream();
  const pipe = createPipe({ sizeBytes: 1024 * 1024 });
  const parked = { ...pipe, readEnd: duplicate(pipe.readEnd) };
  const first = service.start(1, {}, { pipe, flights: new Flights(thread) });
  first.say("the first line\n");
  first.write(text);
  assert.ok(first.capture.fly(1, () => {}));
  const begun = pipeNote(pipe.readEnd)?.length ?? 0;
  meanwhile?.(service.directory, parked, begun);
  return { directory, parked, ...afterKill(directory, parked, maxSizeBytes) };
}

const everything = (service: { contents: () => Buffer[] }) => Buffer.concat(service.contents()).toString();

for (const { when, share } of [
  { when: "before a byte of it was written", share: 0 },
  { when: "when half of it was written", share: 0.5 },
  { when: "when it was written and not consumed", share: 1 },
]) {
  test(`a batch is in the file once when everything is killed ${when}`, () => {
    const text = linesOf(400_000);
    const { service, instance } = killedInFlight({ text, thread: dyingAfter(share) });
    instance.say("the last line\n");
    instance.end();
    assert.equal(everything(service), `the first line\n${text}the last line\n`);
  });
}

test("a batch is in the file once when everything is killed after it was consumed and before the note was gone", () => {
  const text = linesOf(900_000);
  const consume = (_: string, { readEnd }: Pipe, begun: number) => {
    discard(readEnd, begun, createPipe({ sizeBytes: 1024 * 1024 }));
  };
  const { service, instance } = killedInFlight({ text, thread: dyingAfter(1), meanwhile: consume });
  instance.end();
  assert.equal(everything(service), `the first line\n${text}`);
});

test("a batch that was consumed before it was in the file would be missed: the test can tell", () => {
  const text = linesOf(900_000);
  const consume = (_: string, { readEnd }: Pipe, begun: number) => {
    discard(readEnd, begun, createPipe({ sizeBytes: 1024 * 1024 }));
  };
  const { service, instance } = killedInFlight({ text, thread: dyingAfter(0.5), meanwhile: consume });
  instance.end();
  assert.notEqual(everything(service), `the first line\n${text}`);
});

test("a batch is nowhere twice when its file was moved away before everything was killed", () => {
  for (const share of [0, 0.5, 1]) {
    const text = linesOf(400_000);
    const { service, instance } = killedInFlight({
      text,
      thread: dyingAfter(share),
      meanwhile: (directory) => renameSync(join(directory, "0.stdout.log"), join(directory, "moved.1")),
    });
    instance.say("the last line\n");
    instance.end();
    const moved = readFileSync(join(service.directory, "moved.1"), "utf8");
    assert.equal(moved + everything(service), `the first line\n${text}the last line\n`, `${share} written`);
  }
});

test("a batch whose file was deleted is written to the next one", () => {
  const text = linesOf(400_000);
  const { service, instance } = killedInFlight({
    text,
    thread: dyingAfter(0.5),
    meanwhile: (directory) => renameSync(join(directory, "0.stdout.log"), join(directory, "..", "elsewhere")),
  });
  instance.end();
  assert.equal(everything(service), text);
});

test("a batch whose file was cut before it was written is written where the file ends now", () => {
  const text = linesOf(400_000);
  const { service, instance } = killedInFlight({
    text,
    thread: dyingAfter(0),
    meanwhile: (directory) => truncateSync(join(directory, "0.stdout.log"), 0),
  });
  instance.end();
  assert.equal(everything(service), text);
});

test("whatever the sizes are and however often it is killed, all bytes come out once and in order", () => {
  const deaths = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 });
  fc.assert(
    fc.property(deaths, fc.integer({ min: 50_000, max: 2_000_000 }), (shares, maxSizeBytes) => {
      const directory = logDirectory();
      const open = createPipe({ sizeBytes: 1024 * 1024 });
      let text = "";
      for (const share of shares) {
        const pipe = { ...open, readEnd: duplicate(open.readEnd) };
        const service = logs({ directory, limits: { maxSizeBytes } }).stream();
        const flights = new Flights(dyingAfter(share));
        const instance = service.start(1, {}, { pipe, flights });
        const more = linesOf(200_000, text.length);
        text += more;
        instance.write(more);
        instance.capture.fly(1, () => {});
        closeFd(pipe.readEnd);
      }
      const { service, instance } = afterKill(directory, open, maxSizeBytes);
      instance.end();
      assert.equal(everything(service), text);
      for (const segment of service.contents()) assert.equal(segment.at(-1), 0x0a);
    }),
    { numRuns: 30 },
  );
});

test("what could not be written stays in the pipe, and what could does not", () => {
  const failing = (written: number): Thread => {
    return (request, done) => {
      if (written > 0) splice({ ...request, length: written });
      done(written === 0 ? -1 : written);
    };
  };
  for (const written of [0, 1, 100_000]) {
    const service = logs().stream();
    const text = linesOf(400_000);
    const instance = service.start(1, {}, { flights: new Flights(failing(written)) });
    instance.write(text);
    const landed: number[] = [];
    assert.ok(instance.capture.fly(1, ({ bytes }) => landed.push(bytes)));
    assert.deepEqual(landed, [written]);
    assert.equal(pipeNote(instance.pipe.readEnd), undefined);
    while (instance.capture.take().bytes > 0);
    instance.end();
    assert.equal(everything(service), text);
  }
});

test("while a batch is under way nothing else is written, and the file is neither rotated nor closed", () => {
  let finish = () => {};
  const thread: Thread = (request, done) => {
    finish = () => done(splice(request));
  };
  const service = logs().stream();
  const text = linesOf(400_000);
  const instance = service.start(1, {}, { flights: new Flights(thread) });
  instance.write(text);
  assert.ok(instance.capture.fly(1, () => {}));
  const young = service.start(2);
  young.write("of the next generation\n");
  assert.deepEqual(young.capture.take(), { bytes: 0, state: "waiting" });
  assert.deepEqual(instance.capture.take(), { bytes: 0, state: "waiting" });
  service.writer.askRotation();
  service.writer.close();
  instance.capture.end();
  assert.ok(!instance.capture.closed);
  assert.deepEqual(instance.capture.lastWords().slice(-1), [text.trimEnd().split("\n").at(-1)]);
  finish();
  assert.ok(instance.capture.isDrained);
  instance.capture.finish();
  young.end();
  assert.equal(everything(service), `${text}of the next generation\n`);
  assert.equal(readdirSync(service.directory).length, 2);
});

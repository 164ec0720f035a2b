import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { closeFd, createPipe, writeNow } from "../os/pipes.ts";
import { logDirectory, roomyLimits } from "./capture.fixture.ts";
import { Captures } from "./captures.ts";
import { momentOf } from "./names.ts";
import { type Trimmed, trimAll } from "./trim.ts";

/** Closed segments of 100 bytes, hours ago, and one of 1,000 that is being written. */
function written(hoursAgo: Readonly<Record<string, readonly number[]>>) {
  const directory = logDirectory();
  for (const [service, ages] of Object.entries(hoursAgo)) {
    mkdirSync(join(directory, service));
    writeFileSync(join(directory, service, "0.stdout.log"), Buffer.alloc(1_000));
    for (const hours of ages) {
      const moment = momentOf(Date.parse("2026-11-22T12:00:00Z") - hours * 3_600_000);
      writeFileSync(join(directory, service, `0.stdout.${moment}.log`), Buffer.alloc(90));
      writeFileSync(join(directory, service, `0.stdout.${moment}.idx`), Buffer.alloc(10));
    }
  }
  const left = (service: string) =>
    readdirSync(join(directory, service)).filter((name) => name.endsWith(".log")).length;
  return { directory, left };
}

test("the oldest closed segments go first, whosever they are", async () => {
  const { directory, left } = written({ a: [1, 5, 6], b: [2, 4], quiet: [] });
  assert.equal(await trimAll(directory, 3_500), undefined);
  assert.deepEqual(await trimAll(directory, 3_250), { totalBytes: 3_250, segments: 3, bytes: 300 });
  assert.deepEqual([left("a"), left("b"), left("quiet")], [2, 2, 1]);
});

test("what is being written stays, however little is allowed", async () => {
  const { directory, left } = written({ a: [1, 2], b: [3] });
  assert.equal((await trimAll(directory, 1))?.segments, 3);
  assert.equal(await trimAll(directory, 1), undefined);
  assert.deepEqual([left("a"), left("b")], [1, 1]);
});

test("a rotation brings all services within their total, and that is said once", async () => {
  const { directory, left } = written({ gone: [1, 2, 3] });
  const said = Promise.withResolvers<Trimmed>();
  const captures = new Captures({ directory, onTrimmed: said.resolve, onError: said.reject });
  const pipe = createPipe();
  const instance = { service: "a", slot: 0, stream: "stdout", generation: 1 } as const;
  const ended = Promise.withResolvers<void>();
  const limits = { ...roomyLimits, totalOfAllBytes: 1_300 };
  const capture = captures.capture({ fd: pipe.readEnd, ...instance, limits, onEnd: ended.resolve });
  writeNow(pipe.writeEnd, Buffer.from("one line\n"));
  capture.drain();
  captures.rotate();
  // Three old ones of 100 bytes, one of 9 with an index of 64 or more.
  assert.equal((await said.promise).segments, 1);
  assert.equal(left("gone"), 3);
  closeFd(pipe.writeEnd);
  await ended.promise;
  captures.close();
  await captures.settled();
});

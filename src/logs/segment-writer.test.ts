import assert from "node:assert/strict";
import { copyFileSync, existsSync, readFileSync, renameSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { logs } from "./capture.fixture.ts";
import { IndexReader } from "./offsets.ts";
import { listSegments } from "./segments.ts";
import { tailLines } from "./tail.ts";

/** A stream that has said `before`, and a second later. */
function running() {
  const log = logs();
  const service = log.stream();
  const instance = service.start(1);
  instance.say("before\n");
  log.clock.ms += 1_000;
  return { clock: log.clock, service, instance, path: join(service.directory, "0.stdout.log") };
}

test("a file that was moved away is replaced by a new one", () => {
  const { instance, path } = running();
  renameSync(path, `${path}.1`);
  instance.say("after\n");
  instance.end();
  assert.equal(readFileSync(`${path}.1`, "utf8"), "before\n");
  assert.equal(readFileSync(path, "utf8"), "after\n");
});

test("a file that was deleted is made again", async () => {
  const { instance, path, service } = running();
  rmSync(path);
  instance.say("after\n");
  instance.end();
  assert.deepEqual(await tailLines(service.directory, 0), ["after"]);
});

test("a file that was copied and truncated goes on at its new end", async () => {
  const { instance, path, service, clock } = running();
  copyFileSync(path, `${path}.1`);
  truncateSync(path, 0);
  instance.say("after\n");
  clock.ms += 1_000;
  instance.say("later\n");
  instance.end();
  assert.equal(readFileSync(path, "utf8"), "after\nlater\n");
  assert.deepEqual(await tailLines(service.directory, 0), ["after", "later"]);
});

test("a rotation that was interrupted between log and index is finished", () => {
  const { instance, path, service } = running();
  instance.end();
  const closed = join(service.directory, "0.stdout.20261122T100000.500Z");
  renameSync(path, `${closed}.log`);

  const next = service.start(2);
  next.say("after\n");
  next.end();
  assert.deepEqual(
    listSegments(service.directory).map((segment) => [
      segment.rotatedAt,
      IndexReader.open(segment.indexPath)?.record(0),
    ]),
    [
      ["20261122T100000.500Z", { offset: 0, timeMs: 1795341600000, order: 1795341600000000, generation: 1 }],
      [null, { offset: 0, timeMs: 1795341601000, order: 1795341601000001, generation: 2 }],
    ],
  );
});

test("names of closed segments differ and sort when the wall clock stands still or goes back", () => {
  const { instance, service, clock } = running();
  for (const line of ["a\n", "b\n", "c\n"]) {
    service.writer.askRotation();
    instance.say(line);
    clock.ms -= 60_000;
  }
  instance.end();
  assert.deepEqual(service.contents().map(String), ["before\n", "a\n", "b\n", "c\n"]);
});

test("a segment is closed when it is an eighth of its age limit old", () => {
  const log = logs({ limits: { maxAgeMs: 80_000 } });
  const service = log.stream();
  const instance = service.start(1);
  instance.say("old\n");
  log.clock.ms += 10_001;
  instance.say("young\n");
  instance.end();
  assert.deepEqual(service.contents().map(String), ["old\n", "young\n"]);
});

test("asking for a rotation before anything was said does nothing", () => {
  const service = logs().stream();
  service.writer.askRotation();
  assert.ok(!existsSync(service.directory));
});

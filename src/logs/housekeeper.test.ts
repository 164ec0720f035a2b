import assert from "node:assert/strict";
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { logs, roomyLimits } from "./capture.fixture.ts";
import { Housekeeper } from "./housekeeper.ts";
import { tailLines } from "./tail.ts";

/** Two closed segments and one that is being written. */
function closedTwice(): { directory: string; names: () => string[] } {
  const log = logs();
  const service = log.stream();
  const instance = service.start(1);
  for (const text of ["one\n", "two\n", "three\n"]) {
    service.writer.askRotation();
    instance.say(text);
    log.clock.ms += 1_000;
  }
  instance.end();
  return { directory: service.directory, names: () => readdirSync(service.directory).sort() };
}

async function tidy(directory: string, limits: Partial<typeof roomyLimits>): Promise<void> {
  const keeper = new Housekeeper((error) => assert.fail(error));
  keeper.tidy(directory, { ...roomyLimits, maxAgeMs: Infinity, ...limits });
  await keeper.idle();
}

test("closed segments are compressed and keep their indexes", async () => {
  const { directory, names } = closedTwice();
  await tidy(directory, { compress: "zstd" });
  assert.deepEqual(names(), [
    "0.stdout.20261122T100001.000Z.idx",
    "0.stdout.20261122T100001.000Z.log.zst",
    "0.stdout.20261122T100002.000Z.idx",
    "0.stdout.20261122T100002.000Z.log.zst",
    "0.stdout.idx",
    "0.stdout.log",
  ]);
  const compressed = readFileSync(join(directory, "0.stdout.20261122T100001.000Z.log.zst"));
  assert.equal(zstdDecompressSync(compressed).toString(), "one\n");
});

test("what a crash left is put right, and meanwhile a reader sees each line once", async () => {
  const { directory, names } = closedTwice();
  const closed = join(directory, "0.stdout.20261122T100001.000Z");
  writeFileSync(`${closed}.log.zst`, zstdCompressSync(readFileSync(`${closed}.log`)));
  writeFileSync(`${closed}.log.zst.tmp`, "half");
  copyFileSync(`${closed}.idx`, join(directory, "0.stdout.20200101T000000.000Z.idx"));
  assert.deepEqual(await tailLines(directory, 0), ["one", "two", "three"]);
  await tidy(directory, { compress: "zstd" });
  assert.deepEqual(await tailLines(directory, 0), ["one", "two", "three"]);
  assert.equal(names().length, 6);
});

test("segments that are too many go together with their indexes", async () => {
  const { directory, names } = closedTwice();
  await tidy(directory, { keep: 1 });
  assert.deepEqual(names(), [
    "0.stdout.20261122T100002.000Z.idx",
    "0.stdout.20261122T100002.000Z.log",
    "0.stdout.idx",
    "0.stdout.log",
  ]);
});

test("a service that never wrote has nothing to tidy", () => tidy("/nonexistent/lares", { keep: 1 }));

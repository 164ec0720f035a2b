import assert from "node:assert/strict";
import { closeSync, constants, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { closeFd, createPipe, pipeBytes, splice, writeNow } from "../os/pipes.ts";
import { logDirectory } from "./capture.fixture.ts";
import { moveToFile } from "./move.ts";

const { O_APPEND, O_CREAT, O_RDWR } = constants;

test("where splice is refused, bytes are copied and then taken out of the pipe", () => {
  const path = join(logDirectory(), "appended.log");
  const pipe = createPipe();
  // What some file systems refuse altogether, every one refuses for a file that is open for appending.
  const file = openSync(path, O_RDWR | O_CREAT | O_APPEND);
  const move = (offset: number, length: number) => moveToFile({ from: pipe.readEnd, to: file, offset, length });
  writeNow(pipe.writeEnd, Buffer.from("one\ntwo\nthree\n"));
  assert.throws(() => splice({ from: pipe.readEnd, to: file, length: 1, offset: 0 }), { message: /EINVAL/ });

  assert.equal(move(0, 8), 8);
  assert.equal(pipeBytes(pipe.readEnd), 6);
  assert.equal(move(8, 1_000), 6);
  assert.equal(move(14, 1_000), -1);
  closeFd(pipe.writeEnd);
  assert.equal(move(14, 1_000), 0);
  assert.equal(readFileSync(path, "utf8"), "one\ntwo\nthree\n");
  closeSync(file);
  closeFd(pipe.readEnd);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { closeFd, createPipe } from "../os/pipes.ts";
import { countLargePipes, LargePipes, largePipeBytes } from "./large-pipes.ts";

/** How many of the next pipes are large. */
function largeOf(pipes: LargePipes, asked: number): number {
  return Array.from({ length: asked }, () => pipes.next()).filter((size) => size === largePipeBytes).length;
}

test("a place is free again when its pipe was closed, wherever that was", () => {
  const clock = { ms: 0 };
  let open = 3;
  const pipes = new LargePipes({ unbounded: false, nowMs: () => clock.ms, count: () => open });
  assert.equal(largeOf(pipes, 100), 29);
  open = 12;
  assert.equal(largeOf(pipes, 10), 0, "counted again too soon");
  clock.ms += 1_000;
  assert.equal(largeOf(pipes, 100), 20);
});

test("root may have as many as there are", () => {
  const count = () => assert.fail("counted in vain");
  assert.equal(largeOf(new LargePipes({ unbounded: true, nowMs: () => 0, count }), 100), 100);
});

test("pipes are counted by what is open, whoever made them", () => {
  const before = countLargePipes();
  const pipe = createPipe({ sizeBytes: largePipeBytes });
  const small = createPipe();
  closeFd(pipe.writeEnd);
  assert.equal(countLargePipes(), before + 1);
  for (const fd of [pipe.readEnd, small.readEnd, small.writeEnd]) closeFd(fd);
  assert.equal(countLargePipes(), before);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { closeFd, createPipe, writeNow } from "../os/pipes.ts";
import type { Capture } from "./capture.ts";
import type { Flights } from "./flights.ts";
import { type Entry, Floods } from "./floods.ts";

const KIB = 1024;
const pipeSize = 256 * KIB;

/** Two threads that do what the test says, and captures whose pipes hold what it says. */
function stage() {
  const pipes: ReturnType<typeof createPipe>[] = [];
  const log: string[] = [];
  const naps: (() => void)[] = [];
  const landings: ((bytes: number) => void)[] = [];
  let under = 0;
  const flights = {
    get hasRoom() {
      return under < 2;
    },
    nap(then: () => void) {
      if (under >= 2) return false;
      under += 1;
      naps.push(() => {
        under -= 1;
        then();
      });
      return true;
    },
  } as unknown as Flights;
  const floods: Floods = new Floods({
    flights,
    takeTurn: (entry) => void (floods.fly(entry) || log.push("served in another way")),
    rest: () => log.push("rests"),
  });
  function stream(name: string): { entry: Entry; put: (bytes: number) => void } {
    const pipe = createPipe({ sizeBytes: pipeSize });
    pipes.push(pipe);
    const fly = (_: number, onLanded: (taken: { bytes: number; state: string }) => void) => {
      under += 1;
      log.push(`${name} flies`);
      landings.push((bytes) => {
        under -= 1;
        onLanded({ bytes, state: "flowing" });
      });
      return true;
    };
    const capture = {
      ...{ fly, pipeBytes: pipeSize, options: { fd: pipe.readEnd } },
      ...{ isDraining: false, isDrained: false, ending: false, closed: false },
    } as unknown as Capture;
    const entry: Entry = {
      ...{ capture, watch: undefined, mode: "timed", servedMs: 0, isFlooding: true, flownBytes: 0, restMs: 0 },
    };
    return { entry, put: (bytes) => void writeNow(pipe.writeEnd, Buffer.alloc(bytes)) };
  }
  const close = () => {
    for (const { readEnd, writeEnd } of pipes) {
      closeFd(readEnd);
      closeFd(writeEnd);
    }
  };
  return { floods, stream, log, naps, landings, [Symbol.dispose]: close };
}

test("of a quick program the next batch follows after a nap, and a rest when it is quick no more", () => {
  using it = stage();
  const { entry, put } = it.stream("a");
  it.floods.fly(entry);
  it.landings.shift()?.(128 * KIB);
  assert.equal(it.naps.length, 1);
  put(200 * KIB);
  it.naps.shift()?.();
  assert.deepEqual(it.log, ["a flies", "a flies"]);
});

test("a nap that brings little is followed by a rest", () => {
  using it = stage();
  const { entry, put } = it.stream("a");
  it.floods.fly(entry);
  it.landings.shift()?.(128 * KIB);
  put(8 * KIB);
  it.naps.shift()?.();
  assert.deepEqual(it.log, ["a flies", "rests"]);
});

test("after a small batch there is no nap", () => {
  using it = stage();
  it.floods.fly(it.stream("a").entry);
  it.landings.shift()?.(64 * KIB);
  assert.deepEqual([it.naps.length, it.log.at(-1)], [0, "rests"]);
});

test("who waits for a thread comes before who naps", () => {
  using it = stage();
  const [a, b, c] = [it.stream("a"), it.stream("b"), it.stream("c")];
  it.floods.fly(a.entry);
  it.floods.fly(b.entry);
  it.landings.shift()?.(128 * KIB);
  assert.equal(it.naps.length, 1, "a naps");
  it.floods.fly(c.entry);
  put(a);
  it.naps.shift()?.();
  assert.deepEqual(it.log, ["a flies", "b flies", "c flies"], "a waits in its turn");
  it.landings.shift()?.(64 * KIB);
  assert.deepEqual(it.log.at(-1), "a flies");
  it.landings.shift()?.(128 * KIB);
  assert.equal(it.naps.length, 1);
});

function put({ put: into }: { put: (bytes: number) => void }): void {
  into(200 * KIB);
}

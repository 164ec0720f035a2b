import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { test } from "node:test";
import type { LaresError } from "../../core/errors.ts";
import { supervise } from "./create-tree.ts";
import type { ChildContext, SupervisionOptions, SupervisionTree } from "./tree.ts";

/** Three children that write down what happens to them, and can be made to fail. */
class Family {
  readonly diary: string[] = [];
  readonly events = new EventEmitter();
  readonly contexts = new Map<string, ChildContext>();
  refuseStarts = 0;

  options(strategy: SupervisionOptions["strategy"], more: Partial<SupervisionOptions> = {}): SupervisionOptions {
    const children = ["a", "b", "c"].map((name) => ({
      name,
      start: (context: ChildContext) => {
        if (this.diary.length >= 3 && this.refuseStarts-- > 0) throw new Error("not yet");
        this.contexts.set(name, context);
        this.note(`+${name}`);
        return { stop: () => this.note(`-${name}`) };
      },
    }));
    return {
      ...(strategy ? { strategy } : {}),
      intensity: 5,
      children,
      onGiveUp: (error) => this.events.emit("gave up", error),
      ...more,
    };
  }

  note(line: string): void {
    this.diary.push(line);
    this.events.emit(line);
  }

  async failAndWait(name: string, until: string): Promise<void> {
    const settled = once(this.events, until);
    this.contexts.get(name)?.fail(new Error("boom"));
    await settled;
  }
}

const expected = {
  "one-for-one": ["-b", "+b"],
  "rest-for-one": ["-c", "-b", "+b", "+c"],
  "one-for-all": ["-c", "-b", "-a", "+a", "+b", "+c"],
} as const;

for (const [strategy, steps] of Object.entries(expected)) {
  test(`${strategy} restarts the right children in the right order`, async () => {
    const family = new Family();
    await using tree = await supervise(family.options(strategy as "one-for-one"));
    assert.deepEqual(family.diary, ["+a", "+b", "+c"]);
    await family.failAndWait("b", steps.at(-1) ?? "");
    assert.deepEqual(family.diary.slice(3), steps);
    await tree.stop();
    assert.deepEqual(family.diary.slice(-3), ["-c", "-b", "-a"]);
  });
}

test("more restarts than the intensity allows stop everything and are told", async () => {
  const family = new Family();
  const gaveUp = once(family.events, "gave up") as Promise<[LaresError]>;
  const tree: SupervisionTree = await supervise(family.options("one-for-one", { intensity: 2 }));
  await family.failAndWait("a", "+a");
  await family.failAndWait("a", "+a");
  family.contexts.get("a")?.fail(new Error("the last straw"));
  const [error] = await gaveUp;
  assert.match(error.message, /^Cannot keep "a" running: it failed again after 2 restarts within 5000 ms$/);
  assert.equal((error.cause as Error).message, "the last straw");
  assert.ok(tree.children().every(({ state }) => state === "down"));
});

test("a start that fails again counts as a further restart", async () => {
  const family = new Family();
  await using tree = await supervise(family.options("one-for-one", { intensity: 3 }));
  family.refuseStarts = 2;
  await family.failAndWait("c", "+c");
  assert.equal(tree.children()[2]?.state, "up");
});

test("how a child ended decides: permanent always, transient after a failure, temporary never", async () => {
  const ends = new Map<string, () => void>();
  const starts: string[] = [];
  const events = new EventEmitter();
  const child = (name: string, restart: "permanent" | "transient" | "temporary") => ({
    name,
    restart,
    start: () => {
      starts.push(name);
      events.emit(name);
      return { done: new Promise<void>((resolve) => ends.set(name, resolve)) };
    },
    stopTimeoutMs: 1,
  });
  const children = [child("p", "permanent"), child("t", "transient"), child("n", "temporary")];
  await using _tree = await supervise({ children, intensity: 9 });
  ends.get("n")?.();
  ends.get("t")?.();
  const again = once(events, "p");
  ends.get("p")?.();
  await again;
  assert.deepEqual(starts, ["p", "t", "n", "p"]);
});

test("when a child cannot start at first, those before it are stopped and its error is thrown", async () => {
  const diary: string[] = [];
  const good = { name: "good", start: () => ({ stop: () => void diary.push("stopped") }) };
  const bad = { name: "bad", start: () => Promise.reject(new Error("no port")) };
  await assert.rejects(supervise({ children: [good, bad] }), /no port/);
  assert.deepEqual(diary, ["stopped"]);
});

test("a stop during the delay before a restart ends the wait", async () => {
  const family = new Family();
  const tree = await supervise(family.options("one-for-one", { delayMs: 60_000, delayMaxMs: 60_000, intensity: 9 }));
  await family.failAndWait("a", "+a");
  await family.failAndWait("a", "-a");
  await tree.stop();
  assert.ok(tree.children().every(({ state }) => state === "down"));
});

test("a child that does not end is not waited for beyond its time", async () => {
  const stuck = { name: "stuck", stopTimeoutMs: 10, start: () => ({ stop: () => new Promise(() => {}) }) };
  const tree = await supervise({ children: [stuck] });
  await tree.stop();
});

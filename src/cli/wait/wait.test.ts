import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Client } from "../../client/client.ts";
import { LaresError } from "../../core/errors.ts";
import type { EventView, InstanceView } from "../../protocol/api.ts";
import { event, instance } from "../testing.ts";
import type { Clock } from "./clock.ts";
import type { Goal } from "./goals.ts";
import { type Standing, type WaitOptions, waitFor } from "./wait.ts";

type Answer = readonly InstanceView[] | LaresError;

/** A supervisor that gives one answer after the other, and goes on with the last; events come as they are told. */
class Scripted {
  readonly since: (number | string | undefined)[] = [];
  readonly #answers: Answer[];
  readonly #events: readonly EventView[][];

  constructor(answers: readonly Answer[], events: readonly EventView[][] = []) {
    this.#answers = [...answers];
    this.#events = events;
  }

  get client(): WaitOptions["client"] {
    return {
      instances: async () => {
        const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
        if (answer instanceof LaresError) throw answer;
        return answer ?? [];
      },
      events: (query) => this.#follow(query),
    };
  }

  async *#follow(query: Parameters<Client["events"]>[0]): AsyncGenerator<EventView> {
    const connection = this.since.push(query?.since) - 1;
    yield* this.#events[connection] ?? [];
    // A stream that was cut off ends; the last one stays open.
    if (connection >= this.#events.length - 1) await once(query?.signal ?? AbortSignal.abort());
  }
}

function once(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
}

/** A clock that jumps: whoever sleeps has slept. */
function jumpingClock(): Clock {
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    async sleep(ms) {
      nowMs += ms;
      await nextTurn();
    },
  };
}

const running: Goal = { kind: "running", service: "api", slot: 0, generation: 2, task: false };
const gone = new LaresError("no_supervisor", "none is running");

function verdicts({ verdicts }: Standing): string[] {
  return verdicts.map(({ verdict }) => verdict);
}

test("a wait ends when its goal is reached", async () => {
  const { client } = new Scripted(
    [[instance({ state: "starting", generation: 2 })], [instance({ generation: 2 })]],
    [[event(6, "became_ready")]],
  );
  assert.deepEqual(verdicts(await waitFor([running], { client, seq: 5, clock: jumpingClock() })), ["done"]);
});

test("a wait survives a supervisor that is started again, and follows events from where it was", async () => {
  const scripted = new Scripted(
    [
      [instance({ state: "stopping" })],
      gone,
      gone,
      [instance({ state: "starting", generation: 2 })],
      [instance({ generation: 2 })],
    ],
    [[event(6, "spawned"), event(8, "exited")], [event(9, "supervisor_recovered")]],
  );
  const shown: boolean[] = [];
  const standing = await waitFor([running], {
    client: scripted.client,
    seq: 5,
    clock: jumpingClock(),
    onChange: ({ disconnected }) => shown.push(disconnected),
  });
  assert.deepEqual(verdicts(standing), ["done"]);
  assert.ok(shown.includes(true) && shown.at(-1) === false);
  assert.deepEqual(scripted.since.slice(0, 2), [5, 8]);
});

test("a supervisor that stays away for ten seconds ends the wait", async () => {
  const { client } = new Scripted([[instance({ state: "starting" })], gone]);
  const waiting = waitFor([running], { client, seq: 5, clock: jumpingClock() });
  await assert.rejects(waiting, (error) => error === gone);
});

test("any other error ends the wait at once", async () => {
  const denied = new LaresError("not_permitted", "no access");
  const { client } = new Scripted([denied]);
  await assert.rejects(waitFor([running], { client, seq: 5, clock: jumpingClock() }), (error) => error === denied);
});

test("a wait that takes too long says what is missing, and that it goes on", async () => {
  const { client } = new Scripted([[instance({ state: "stopping", generation: 2 })]]);
  await assert.rejects(waitFor([running], { client, seq: 5, timeoutMs: 30, clock: jumpingClock() }), (error) => {
    assert.ok(error instanceof LaresError && error.code === "timed_out");
    assert.equal(error.message, 'Cannot wait for "api": not done after 0.03 s');
    assert.equal((error.cause as Error).message, "api/0 is stopping");
    return true;
  });
});

test("one that failed does not cut short the wait for another", async () => {
  const failed = instance({ state: "failed", generation: 2 });
  const web: Goal = { ...running, service: "web" };
  const { client } = new Scripted([
    [failed, instance({ service: "web", state: "starting", generation: 2 })],
    [failed, instance({ service: "web", generation: 2 })],
  ]);
  assert.deepEqual(verdicts(await waitFor([running, web], { client, seq: 5, clock: jumpingClock() })), [
    "failed",
    "done",
  ]);
});

test("what waits for something that failed is not waited for", async () => {
  const web: Goal = { ...running, service: "web" };
  const { client } = new Scripted([
    [instance({ state: "failed", generation: 2 }), instance({ service: "web", state: "down" })],
  ]);
  const standing = await waitFor([running, web], { client, seq: 5, clock: jumpingClock() });
  assert.deepEqual(verdicts(standing), ["failed", "pending"]);
});

test("what waits for a program that cannot be run is not waited for, however often that is tried", async () => {
  const web: Goal = { ...running, service: "web" };
  const waits = instance({ state: "backoff", generation: 2 });
  const isTried = instance({ state: "starting", generation: 3 });
  const down = instance({ service: "web", state: "down" });
  const tries = Array.from({ length: 400 }, (_, index) => [index % 2 === 0 ? waits : isTried, down]);
  const { client } = new Scripted(
    [...tries, [instance({ generation: 3 }), down]],
    [[event(6, "spawn_failed", { service: "api", slot: 0, generation: 2, lasting: true })]],
  );
  const standing = await waitFor([running, web], { client, seq: 5, clock: jumpingClock() });
  assert.deepEqual(verdicts(standing), ["failed", "pending"]);
});

test("what waits for one that is past its restart limit is not waited for, though no event says so any more", async () => {
  const web: Goal = { ...running, service: "web" };
  const slow = (state: InstanceView["state"], generation: number) => instance({ state, generation, slow: true });
  const down = instance({ service: "web", state: "down" });
  const tries = Array.from({ length: 400 }, (_, index) => [
    index % 2 === 0 ? slow("backoff", 2 + index) : slow("starting", 2 + index),
    down,
  ]);
  const { client } = new Scripted([...tries, [instance({ generation: 500 }), down]], [[event(6, "spawned")]]);
  const standing = await waitFor([running, web], { client, seq: 5, clock: jumpingClock() });
  assert.deepEqual(verdicts(standing), ["failed", "pending"]);
});

test("a reload that ended while the stream was cut off is still seen", async () => {
  const reloaded: Goal = { kind: "reloaded", service: "api", afterSeq: 5 };
  const { client } = new Scripted(
    [[instance()]],
    [[event(6, "reload_started", { service: "api" })], [event(7, "reload_failed", { service: "api" })]],
  );
  assert.deepEqual(verdicts(await waitFor([reloaded], { client, seq: 5, clock: jumpingClock() })), ["failed"]);
});

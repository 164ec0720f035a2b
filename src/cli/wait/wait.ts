import type { Client } from "../../client/client.ts";
import { isDisconnected } from "../../client/errors.ts";
import { reconnectMs } from "../../client/reconnect.ts";
import { LaresError } from "../../core/errors.ts";
import type { EventView, InstanceView } from "../../protocol/api.ts";
import { type Clock, systemClock } from "./clock.ts";
import { concerned, type Facts, type Goal, judge, slotKey, type Verdict } from "./goals.ts";

/** Where a wait stands. */
export interface Standing extends Pick<Facts, "unstartable"> {
  readonly verdicts: readonly { readonly goal: Goal; readonly verdict: Verdict }[];
  readonly instances: readonly InstanceView[];
  /** What was said of reloads since the request. */
  readonly reloads: readonly EventView[];
  /** Whether the supervisor cannot be reached just now. */
  readonly disconnected: boolean;
}

export interface WaitOptions {
  readonly client: Pick<Client, "instances" | "events">;
  /** Events after this one matter. */
  readonly seq: number;
  /** Gives up after this long; absent waits for as long as the supervisor does. */
  readonly timeoutMs?: number | undefined;
  /** Called whenever something may have changed, and at least every second. */
  readonly onChange?: (standing: Standing) => void;
  readonly clock?: Clock;
}

/** Between two attempts to reach a supervisor that is gone. */
const reopenMs = 100;
/** Polls are for what no event tells; events bring the next one forward. */
const pollMs = 1000;
/** Bounds what a burst of events costs the supervisor; where answering takes long, the gap is longer. */
const pollGapMs = 50;
/**
 * A program that is ready as soon as it is started may still fail at boot: nothing is called a success before it has lived
 * for so long.
 */
const provenMs = 400;
/** If nothing moves for so long after a failure, what is still down waits for what failed. */
const quietMs = 2000;

/**
 * Waits until every goal is reached or failed, across deaths of the supervisor.
 *
 * @throws LaresError `timed_out`, or `no_supervisor` when it stays away for ten seconds.
 */
export async function waitFor(goals: readonly Goal[], options: WaitOptions): Promise<Standing> {
  const wait = new Wait(goals, options);
  const following = new AbortController();
  const followed = wait.follow(following.signal);
  try {
    return await wait.poll();
  } finally {
    following.abort();
    await followed;
  }
}

class Wait {
  readonly #goals: readonly Goal[];
  readonly #options: WaitOptions;
  readonly #clock: Clock;
  readonly #reloads: EventView[] = [];
  readonly #unstartable = new Map<string, number>();
  #instances: readonly InstanceView[] = [];
  /** By {@link slotKey}, those past their restart limit. */
  #slow: ReadonlySet<string> = new Set();
  #seq: number;
  /** When the supervisor was last heard of. */
  #heardMs: number;
  /** When something last changed. */
  #movedMs: number;
  /** Whether an event came that the last poll may not have seen. */
  #stirred = false;
  #wake: () => void = () => {};

  constructor(goals: readonly Goal[], options: WaitOptions) {
    this.#goals = goals;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#seq = options.seq;
    this.#heardMs = this.#clock.nowMs();
    this.#movedMs = this.#heardMs;
  }

  async poll(): Promise<Standing> {
    const startedMs = this.#clock.nowMs();
    // What is up has been waited for until it was old enough.
    let proven = false;
    for (;;) {
      const askedMs = this.#clock.nowMs();
      this.#stirred = false;
      const disconnected = !(await this.#refresh());
      const standing = this.#standing(disconnected);
      this.#options.onChange?.(standing);
      const ended = !disconnected && this.#ended(standing);
      const unprovenMs = this.#unprovenMs(standing);
      if (ended && (unprovenMs === 0 || proven)) return standing;
      const leftMs = startedMs + (this.#options.timeoutMs ?? Number.POSITIVE_INFINITY) - this.#clock.nowMs();
      if (leftMs <= 0) throw timedOut(standing, this.#options.timeoutMs ?? 0);
      proven = ended;
      if (ended) {
        await this.#clock.sleep(Math.min(unprovenMs, leftMs));
        continue;
      }
      await this.#clock.sleep(Math.min(Math.max(pollGapMs, 2 * (this.#clock.nowMs() - askedMs)), leftMs));
      await this.#pause(Math.min(disconnected ? reopenMs : pollMs, leftMs));
    }
  }

  /** Reads events until the signal; a connection that ends is opened again where it stopped. */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const event of this.#options.client.events({ since: this.#seq, follow: true, signal })) {
          this.#observe(event);
        }
      } catch {
        // Polling meets the same trouble, and is the one to judge it.
      }
      await this.#clock.sleep(reopenMs, signal);
    }
  }

  #observe(event: EventView): void {
    this.#seq = Math.max(this.#seq, event.seq);
    if (event.type === "spawn_failed" && event.lasting === true) {
      this.#unstartable.set(slotKey(event), event.generation ?? 0);
    }
    if (!this.#isInVain(event)) this.#movedMs = this.#clock.nowMs();
    if (event.type.startsWith("reload_")) this.#reloads.push(event);
    this.#stirred = true;
    this.#wake();
  }

  async #refresh(): Promise<boolean> {
    try {
      const instances = await this.#options.client.instances({ usage: false });
      this.#slow = new Set(instances.filter(({ slow }) => slow).map(slotKey));
      const moving = (list: readonly InstanceView[]) => list.filter((one) => !this.#isInVain(one));
      if (stamp(moving(instances)) !== stamp(moving(this.#instances))) this.#movedMs = this.#clock.nowMs();
      this.#instances = instances;
      this.#heardMs = this.#clock.nowMs();
      return true;
    } catch (error) {
      if (!isDisconnected(error) || this.#clock.nowMs() - this.#heardMs > reconnectMs) throw error;
      return false;
    }
  }

  /** Whether all that a slot does is to be tried again, which is no movement. */
  #isInVain(place: Pick<EventView, "service" | "slot">): boolean {
    return this.#unstartable.has(slotKey(place)) || this.#slow.has(slotKey(place));
  }

  #standing(disconnected: boolean): Standing {
    const seen = { reloads: this.#reloads, unstartable: this.#unstartable };
    const facts = { ...seen, instances: Map.groupBy(this.#instances, ({ service }) => service) };
    const verdicts = this.#goals.map((goal) => ({ goal, verdict: judge(goal, facts) }));
    return { ...seen, verdicts, instances: this.#instances, disconnected };
  }

  /** How long until the youngest of what came up has proven that it stays. */
  #unprovenMs({ instances }: Standing): number {
    const up = concerned(this.#goals, instances).filter(({ state }) => state === "up" || state === "degraded");
    return Math.max(0, ...up.map(({ uptimeMs }) => provenMs - (uptimeMs ?? provenMs)));
  }

  #ended({ verdicts, instances }: Standing): boolean {
    const pending = verdicts.filter(({ verdict }) => verdict === "pending");
    if (pending.length === 0) return true;
    if (this.#clock.nowMs() - this.#movedMs < quietMs || !verdicts.some(({ verdict }) => verdict === "failed"))
      return false;
    // Something failed, nothing moves, and nothing of the rest is under way: it waits for what failed.
    const rest = concerned(
      pending.map(({ goal }) => goal),
      instances,
    );
    return rest.every(({ state }) => state === "down" || state === "failed");
  }

  /** Until something happens, or the time is over. */
  async #pause(ms: number): Promise<void> {
    if (this.#stirred) return;
    const stirred = Promise.withResolvers<void>();
    const over = new AbortController();
    this.#wake = stirred.resolve;
    await Promise.race([stirred.promise, this.#clock.sleep(ms, over.signal)]);
    over.abort();
  }
}

function stamp(instances: readonly InstanceView[]): string {
  return instances
    .map(({ service, slot, state, generation }) => `${service}/${slot} ${state} ${generation}`)
    .join("\n");
}

function timedOut({ verdicts, instances }: Standing, timeoutMs: number): LaresError {
  const pending = verdicts.filter(({ verdict }) => verdict === "pending").map(({ goal }) => goal);
  const names = [...new Set(pending.map(({ service }) => service))];
  const states = concerned(pending, instances).map(
    ({ service, slot, state, reason }) => `${service}/${slot} is ${state}${reason === null ? "" : `: ${reason}`}`,
  );
  return new LaresError("timed_out", `Cannot wait for "${names.join(" ")}": not done after ${timeoutMs / 1000} s`, {
    hint: `It goes on without you: look at it with \`lares describe ${names[0]}\`.`,
    ...(states.length === 0 ? {} : { cause: new Error(states.slice(0, 10).join("; ")) }),
  });
}

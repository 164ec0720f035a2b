/** Compares what Lares recorded with what the programs know to be true. One sentence for each difference. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { EventView, InstanceView } from "../../src/protocol/api.ts";
import type { Household, Role } from "./household.ts";
import type { Kill } from "./kills.ts";
import { readLines } from "./lines.ts";
import { nameOf, type RunName, type Truth } from "./truth.ts";

/** All that is known after a trial. */
export interface Evidence {
  readonly household: Household;
  readonly truth: Truth;
  readonly events: readonly EventView[];
  readonly kills: readonly Kill[];
  readonly logDirectory: string;
}

/** Roles that end by themselves, as part of their nature. */
const mortal: readonly Role[] = ["crasher", "task"];
/** Roles that no command is ever given to: what runs at the end is what was started at the beginning. */
const untouched: readonly Role[] = ["flood", "writer", "watched"];

/** Nothing was started or ended that did not crash by itself or was told to; nothing was started twice. */
export function judgeRuns({ household, truth, events }: Evidence): readonly string[] {
  const faults: string[] = [];
  const roleOf = rolesOf(household);
  const spawned = events.filter(({ type }) => type === "spawned").map(nameOf);
  const doubled = [...repeated(truth.starts.map(({ run }) => run)), ...repeated(spawned)];
  for (const run of doubled) faults.push(`${run} was started twice`);
  for (const { run } of truth.starts) {
    if (untouched.includes(roleOf(run)) && !run.endsWith("#1")) faults.push(`${run} runs, and nothing asked for it`);
  }
  for (const { run } of truth.starts) if (!spawned.includes(run)) faults.push(`${run} runs without a record`);
  for (const event of events) {
    const byItself = event.type === "exited" && event.cause === "by itself";
    if (byItself && !mortal.includes(roleOf(nameOf(event)))) faults.push(`ended by itself: ${JSON.stringify(event)}`);
    if (faultTypes.has(event.type)) faults.push(JSON.stringify(event));
  }
  return faults;
}

/** What no trial should lead to. */
const faultTypes: ReadonlySet<string> = new Set([
  ...["spawn_failed", "readiness_timed_out", "restart_limit_reached", "watchdog_expired", "upgrade_failed"],
  ...["problem_seen", "reload_failed", "health_failed"],
]);

/** Exit codes and signals as recorded are those the programs had; `unknown` only where nobody could have known. */
export function judgeExits({ household, truth, events, kills }: Evidence): Exits {
  const faults: string[] = [];
  const roleOf = rolesOf(household);
  const recorded = new Map(events.filter(({ type }) => type === "exited").map((event) => [nameOf(event), event]));
  // The supervisor died before it held them, and they ended before the next one looked: only their mark was left.
  const unheld = new Set(events.filter(({ type, pid }) => type === "spawned" && pid === 0).map(nameOf));
  let unknown = 0;
  for (const [run, { code, signal }] of truth.crashes) {
    const event = recorded.get(run);
    if (!event) faults.push(`the end of ${run} was not recorded`);
    else if (event.status === "unknown") {
      unknown += 1;
      if (!unheld.has(run) && !isAfterBoth(event, kills))
        faults.push(`${run}: ended with unknown status, and the keeper lived`);
    } else if (event.code !== code || event.signal !== signal) {
      faults.push(`${run}: ${event.code}/${event.signal} was recorded, ${code}/${signal} is true`);
    }
  }
  for (const [run, event] of recorded) {
    const crashed = roleOf(run) === "crasher" && event.cause === "by itself";
    if (crashed && event.status !== "unknown" && !truth.crashes.has(run)) faults.push(`${run} did not end by itself`);
  }
  return { faults, known: truth.crashes.size - unknown, unknown, unheld: unheld.size };
}

export interface Exits {
  readonly faults: readonly string[];
  readonly known: number;
  readonly unknown: number;
  /** Of these, those that ended before any supervisor held them. */
  readonly unheld: number;
}

/** Without keeper and supervisor nobody is there to ask: what ends then is reaped by init, and nobody held its pidfd. */
function isAfterBoth({ at }: EventView, kills: readonly Kill[]): boolean {
  const atMs = Date.parse(at);
  return kills.some(({ victim, ...it }) => victim === "both" && atMs >= +it.at && atMs <= +it.backAt);
}

/** Every numbered line is there once, in order and whole. */
export function judgeLines({ household, truth, events, kills, logDirectory }: Evidence): Lines {
  const found = { faults: [] as string[], count: 0, files: 0, compressed: 0, gapMs: 0, gone: 0 };
  const unseen = new Set(events.filter((event) => isUnseenEnd(event, kills)).map(nameOf));
  const runs = new Map(truth.starts.map(({ run, pid }) => [`${run.slice(0, run.indexOf("#"))} ${pid}`, run]));
  for (const { name, role } of household.members) {
    if (!["flood", "writer", "pool", "switched"].includes(role)) continue;
    const directory = join(logDirectory, name);
    for (const slot of slotsIn(directory)) {
      for (const stream of ["stdout", "stderr"] as const) {
        const { last, faults, ...sums } = readLines(directory, { slot, stream });
        found.faults.push(...faults.slice(0, 5).map((fault) => `${name}/${slot} ${stream}: ${fault}`));
        for (const key of ["count", "files", "compressed"] as const) found[key] += sums[key];
        for (const [pid, number] of last) {
          const wrote = truth.ends.get(pid)?.[stream];
          const missing = (wrote ?? 0) - number;
          const run = runs.get(`${name}/${slot} ${pid}`);
          // Its pipe went with it: nobody else had it any more.
          if (missing > 0 && run !== undefined && unseen.has(run)) found.gone += missing;
          else if (missing !== 0) found.faults.push(`${name}/${slot} of ${pid}: ${number} of ${wrote} ${stream} lines`);
        }
      }
    }
  }
  found.gapMs = Math.max(...[...truth.ends.values()].map(({ gapMs }) => gapMs));
  return found;
}

export interface Lines {
  readonly faults: readonly string[];
  readonly count: number;
  readonly files: number;
  readonly compressed: number;
  /** The longest that a writer which never pauses had to wait for one write. */
  readonly gapMs: number;
  /** Last lines of programs that ended while keeper and supervisor were both dead. */
  readonly gone: number;
}

/** Ended while keeper and supervisor were both dead. */
function isUnseenEnd(event: EventView, kills: readonly Kill[]): boolean {
  return event.type === "exited" && event.status === "unknown" && isAfterBoth(event, kills);
}

/** A stop that was under way was finished, and never begun again. */
export function judgeStops({ truth }: Evidence): readonly string[] {
  return repeated(truth.terms).map((run) => `${run} was told to stop more than once`);
}

/** What runs is what Lares says runs. */
export function judgeProcesses(instances: readonly InstanceView[], tagged: ReadonlyMap<number, RunName>) {
  const runs = instances.flatMap((it) => (it.pid === null ? [] : [[it.pid, nameOf(it)] as const]));
  const known = new Map(runs);
  return [
    ...runs.filter(([pid]) => !tagged.has(pid)).map(([pid, run]) => `${run}: process ${pid} is not there`),
    ...[...tagged].filter(([pid]) => !known.has(pid)).map(([pid, run]) => `process ${pid} of ${run} has no owner`),
  ];
}

function rolesOf({ members }: Household): (run: RunName) => Role {
  const roles = new Map(members.map(({ name, role }) => [name, role]));
  return (run) => {
    const role = roles.get(run.slice(0, run.lastIndexOf("/")));
    if (!role) throw new Error(`${run} is none of the household`);
    return role;
  };
}

function repeated(runs: readonly RunName[]): readonly RunName[] {
  return [...new Set(runs.filter((run, index) => runs.indexOf(run) !== index))];
}

function slotsIn(directory: string): readonly number[] {
  return [...new Set(readdirSync(directory).map((name) => Number.parseInt(name, 10)))].filter(Number.isInteger);
}

/** One trial: a household under load and command, and Lares itself killed again and again. */
import { readdirSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { environmentOf, sessionOf } from "../../src/os/processes.ts";
import type { EventView } from "../../src/protocol/api.ts";
import { type EventFile, eventFile } from "../../src/supervisor/event-file.ts";
import { eventually } from "../e2e/eventually.ts";
import { leftoversOf, taggedOf } from "../e2e/leftovers.ts";
import { createRig, type Rig } from "../e2e/rig.ts";
import { Random } from "../simulation/random.ts";
import { createHousehold, type Household } from "./household.ts";
import { type Exits, judgeExits, judgeLines, judgeProcesses, judgeRuns, judgeStops, type Lines } from "./judge.ts";
import { dealVictims, type Kill, kill } from "./kills.ts";
import { type Load, startLoad, startWrk } from "./load.ts";
import { startOperator } from "./operator.ts";
import { type RunName, readTruth, runOf } from "./truth.ts";

export interface TrialOptions {
  readonly services: number;
  readonly kills: number;
  readonly seed: number;
  /** Load the servers with wrk as well. */
  readonly wrk: boolean;
}

export interface Trial {
  /** One sentence for each thing that should not have happened. */
  readonly faults: readonly string[];
  readonly kills: readonly Kill[];
  readonly lines: Lines;
  readonly exits: Exits;
  readonly requests: number;
  readonly commands: number;
  readonly starts: number;
  readonly descriptors: { readonly before: number; readonly after: number };
}

/** Runs a trial to its end, and judges it. */
export async function runTrial({ services, kills: count, seed, wrk }: TrialOptions): Promise<Trial> {
  const random = new Random(seed);
  await using rig = createRig();
  const household = await createHousehold(rig.directory, services);
  await rig.begin(household.services);
  const firstFaults = await judgeRest(rig, household);
  if (firstFaults.length > 0) throw new Error(`not everything came up: ${firstFaults.join("; ")}`);
  const pids = new Set<number>();
  const before = await descriptorsAtRest(rig);
  const loads = startLoads(household, wrk);
  const operator = startOperator(rig.client, { members: household.members, random: new Random(seed + 1) });
  const kills: Kill[] = [];
  for (const victim of dealVictims(random, count)) {
    await sleep(random.int(0, 1200));
    kills.push(await kill(rig, victim));
    const { pid, keeperPid } = await rig.client.supervisor();
    for (const one of [pid, keeperPid ?? pid]) pids.add(one);
  }
  await operator.end();
  // What was under way ends: every service as it was at the beginning. An operator's scale outlives an apply.
  await rig.ok("apply", "--no-wait");
  await rig.ok("start", "all", "--no-wait");
  for (const { name, role } of household.members)
    if (role === "pool") await rig.client.action({ action: "scale", targets: [name], instances: 2 });
  const faults = await judgeRest(rig, household);
  const after = await descriptorsAtRest(rig);
  for (const load of loads) await load.end();
  await rig.ok("down");
  faults.push(...(await leftoversOf(rig.files, pids)).map((left) => `left behind: ${left}`));
  const { events: eventsPath, homes } = rig.files;
  const evidence = {
    household,
    truth: readTruth(household.truth),
    events: eventsIn(eventFile(eventsPath)),
    kills,
    logDirectory: homes.log,
  };
  const [lines, exits] = [judgeLines(evidence), judgeExits(evidence)];
  faults.push(...judgeRuns(evidence), ...judgeStops(evidence), ...lines.faults, ...exits.faults);
  faults.push(...loads.flatMap(({ traffic }) => traffic.failures.slice(0, 10)), ...judgeDescriptors(before, after));
  return {
    faults,
    kills,
    lines,
    exits,
    requests: loads.reduce((sum, { traffic }) => sum + traffic.requests, 0),
    commands: operator.commands,
    starts: evidence.truth.starts.length,
    descriptors: { before: before.length, after: after.length },
  };
}

/** Read from the disk: the last of them were written while everything was being taken down. */
function eventsIn(file: EventFile): readonly EventView[] {
  const lines = `${file.readOlder()}${file.read()}`.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line));
}

function startLoads({ members }: Household, wrk: boolean): readonly Load[] {
  const ports = members.flatMap(({ port }) => port ?? []);
  return ports.flatMap((port, index) => [startLoad(port), ...(wrk && index === 0 ? [startWrk(port)] : [])]);
}

/** Nobody is in two places, and nobody is forgotten. Asked until it is so: a crash loop is never at rest. */
async function judgeRest(rig: Rig, { members }: Household): Promise<string[]> {
  const restless = members.filter(({ role }) => role === "crasher" || role === "task").map(({ name }) => name);
  let faults: readonly string[] = [];
  const isAtRest = async () => {
    const instances = (await rig.client.instances()).filter(({ service }) => !restless.includes(service));
    const tagged = [...leadersOf(rig)].filter(([, run]) => !restless.some((name) => run.startsWith(`${name}/`)));
    faults = judgeProcesses(instances, new Map(tagged));
    return faults.length === 0 && instances.every(({ state }) => state === "up");
  };
  await eventually(isAtRest, () => `all is as it should be: ${faults.join("; ")}`).catch((error: Error) => {
    faults = [...faults, error.message];
  });
  return [...faults];
}

/** Main processes by what their environment says they are. */
function leadersOf({ files }: Rig): ReadonlyMap<number, RunName> {
  const leaders = taggedOf(files).filter((pid) => sessionOf(pid) === pid);
  return new Map(
    leaders.flatMap((pid) => {
      const tag = environmentOf(pid)?.get("LARES_INSTANCE");
      return tag === undefined ? [] : [[pid, runOf(tag)] as const];
    }),
  );
}

/** What the supervisor has open while no task runs and no crash is being dealt with: the fewest of several looks. */
async function descriptorsAtRest(rig: Rig): Promise<readonly string[]> {
  const { pid } = await rig.client.supervisor();
  let fewest: readonly string[] | undefined;
  for (let looks = 0; looks < 20; looks++) {
    await sleep(50);
    const open = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => kindOf(`/proc/${pid}/fd/${fd}`) ?? []);
    if (!fewest || open.length < fewest.length) fewest = open;
  }
  return fewest ?? [];
}

function kindOf(path: string): string | undefined {
  try {
    return readlinkSync(path).replace(/[:[].*|\/[^/]*$/, "");
  } catch {
    // Closed between the two looks.
    return undefined;
  }
}

/** A crash loop may be between two lives at every look. */
function judgeDescriptors(before: readonly string[], after: readonly string[]): readonly string[] {
  const counts = (list: readonly string[]) =>
    JSON.stringify(
      Object.groupBy(list, (kind) => kind),
      (_, value) => (Array.isArray(value) ? value.length : value),
    );
  const grown = after.length - before.length;
  return grown > 4 ? [`${grown} more descriptors are open: ${counts(before)} → ${counts(after)}`] : [];
}

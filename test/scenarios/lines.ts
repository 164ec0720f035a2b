import { parseDuration } from "../../src/config/parse-duration.ts";
import type { Target } from "../../src/core/commands.ts";
import type { Notification, RunFact, RunId } from "../../src/core/effects.ts";
import { diffSpecs, effectOf } from "../../src/core/plan.ts";
import { runsOf } from "../../src/core/slot.ts";
import { parseNotify } from "../../src/protocol/notify.ts";
import { specOf } from "./specs.ts";
import type { Stage } from "./stage.ts";

/** Carries out one line of a scenario. @throws when it cannot be understood */
export function playLine(stage: Stage, line: string): void {
  const [, verb = "", rest = ""] = /^(\S+)\s*(.*)$/.exec(line) ?? [];
  const words = rest.split(/\s+/).filter((word) => word !== "");
  switch (verb) {
    case "auto":
      stage.automatic[words[0] === "stop" ? "stop" : "spawn"] = words[1] !== "off";
      return;
    case "service":
      apply(stage, rest);
      return;
    case "remove":
      stage.dispatch({
        ...command,
        command: "apply",
        revision: nextRevision(stage),
        changes: [{ kind: "remove", service: rest }],
      });
      return;
    case "scale":
      scale(stage, rest);
      return;
    case "start":
    case "stop":
    case "restart":
    case "reload":
    case "reset":
    case "delete":
      stage.dispatch({ ...command, command: verb, targets: targetsOf(stage, words) });
      return;
    case "kill":
      stage.dispatch({
        ...command,
        command: "signal",
        signal: words[0] ?? "",
        targets: targetsOf(stage, words.slice(1)),
      });
      return;
    case "down":
      stage.dispatch({ ...command, command: "end" });
      return;
    case "due":
      stage.dispatch({ type: "schedule_planned", service: words[0] ?? "", dueMs: stage.nowMs + durationOf(words[1]) });
      return;
    case "tick":
      stage.passTime(durationOf(words[0]));
      return;
    case "late":
      // The supervisor itself was not there: nothing is looked at in between.
      stage.nowMs += durationOf(words[0]);
      stage.passTime(0);
      return;
    default:
      stage.fact(runOf(stage, words[0] ?? ""), factOf(stage, { verb, words: words.slice(1), rest }));
  }
}

const command = { type: "command" } as const;

/** `service NAME { … }` is an `apply` of that one service: added, or changed as the plan says. */
function apply(stage: Stage, rest: string): void {
  const [, name = "", text = ""] = /^(\S+)\s*(.*)$/.exec(rest) ?? [];
  const spec = specOf(name, text);
  const known = stage.world.services.get(name);
  const before = known && !known.leaving ? known.spec : undefined;
  const effect = before ? effectOf(diffSpecs(before, spec), spec) : "none";
  const changes = [{ kind: "set", spec, source: "lares.yaml", effect }] as const;
  stage.dispatch({ ...command, command: "apply", revision: nextRevision(stage), changes });
}

function scale(stage: Stage, rest: string): void {
  const [service = "", count] = rest.split("=");
  const known = stage.world.services.get(service);
  if (!known) throw new Error(`no service ${service}`);
  const spec = { ...known.spec, instances: Number(count) };
  const changes = [{ kind: "set", spec, source: known.source, effect: "scale" }] as const;
  stage.dispatch({ ...command, command: "apply", revision: nextRevision(stage), changes });
}

function nextRevision({ world }: Stage): number {
  return 1 + Math.max(0, ...[...world.services.values()].map(({ revision }) => revision));
}

function targetsOf({ world }: Stage, words: readonly string[]): readonly Target[] {
  if (words[0] === "all") return [...world.services.keys()].map((service) => ({ service }));
  return words.map((word) => {
    const [service = "", slot] = word.split("/");
    return slot === undefined ? { service } : { service, slot: Number(slot) };
  });
}

/** `web/0#2`, or `web/0` for the newest run there. */
function runOf({ world }: Stage, word: string): RunId {
  const [, service = "", slot, generation] = /^([^/]+)\/(\d+)(?:#(\d+))?$/.exec(word) ?? [];
  const place = world.services.get(service)?.slots.find((one) => one.slot === Number(slot));
  const newest = place && (runsOf(place).at(-1)?.generation ?? place.generation);
  if (newest === undefined) throw new Error(`no run ${word}`);
  return { service, slot: Number(slot), generation: generation === undefined ? newest : Number(generation) };
}

function factOf(
  stage: Stage,
  { verb, words, rest }: { readonly verb: string; readonly words: readonly string[]; readonly rest: string },
): RunFact {
  switch (verb) {
    case "spawned":
      return { type: "spawned", process: stage.process() };
    case "spawn_failed":
      return { type: "spawn_failed", error: words.join(" ") };
    case "ready":
      return { type: "became_ready" };
    case "exit":
      return { type: "exited", exit: exitOf(words[0] ?? "0") };
    case "health":
      return {
        type: "health_checked",
        ok: words[0] === "good",
        detail: words.slice(1).join(" ") || `says ${words[0]}`,
      };
    case "notify":
      return { type: "notified", message: messageOf(stage, rest) };
    case "spawn_lost":
    case "cleared":
    case "signalled":
    case "adopted":
    case "listeners_drained":
      return { type: verb };
    default:
      throw new Error(`what is "${verb}"?`);
  }
}

function exitOf(word: string) {
  if (word === "unknown") return { code: null, signal: null, status: "unknown" } as const;
  const isSignal = word.startsWith("SIG");
  return { code: isSignal ? null : Number(word), signal: isSignal ? word : null, status: "known" } as const;
}

/** Fields as a program would send them; `NOW` stands for the time in microseconds. */
function messageOf(stage: Stage, rest: string): Notification {
  const text = rest.replace(/^\S+\s*/, "").replace("NOW", String(stage.nowMs * 1000));
  const parsed = parseNotify(Buffer.from(text.split(/\s+/).join("\n")), { truncated: false, descriptors: 0 });
  if ("rejected" in parsed) throw new Error(parsed.rejected);
  const { mainPid, monotonicUsec, watchdogUsec, extendTimeoutUsec } = parsed;
  const { ready, reloading, stopping, status, watchdog, replace } = parsed;
  return {
    ...(ready && { ready }),
    ...(reloading && { reloading }),
    ...(stopping && { stopping }),
    ...(status !== undefined && { status }),
    ...(watchdog && { watchdog }),
    ...(replace && { replace }),
    ...(monotonicUsec !== undefined && { monotonicMs: monotonicUsec / 1000 }),
    ...(watchdogUsec !== undefined && { watchdogMs: watchdogUsec / 1000 }),
    ...(extendTimeoutUsec !== undefined && { extendTimeoutMs: extendTimeoutUsec / 1000 }),
    ...(mainPid !== undefined && { mainProcess: { pid: mainPid, startTime: "0" } }),
  };
}

function durationOf(word: string | undefined): number {
  const ms = parseDuration(word ?? "");
  if (ms === undefined) throw new Error(`"${word}" is no duration`);
  return ms;
}

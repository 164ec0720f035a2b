import { formatDuration } from "../core/plan.ts";
import type { LimitsSpec, LogSpec, ReloadSpec, RestartSpec, StopSpec } from "../core/spec.ts";
import { impossibleLimit, limitOfNothing } from "./check-restart.ts";
import { defaults } from "./defaults.ts";
import { bytes, bytesPerSecond, ms, percent } from "./normalise-values.ts";
import { parseSignal } from "./parse-signal.ts";
import type { ConfigurationInput, ServiceInput } from "./schema.ts";
import type { ServiceContext } from "./service-context.ts";

/** When an instance that ended is started again. */
export function normaliseRestart(
  input: ServiceInput["restart"] = {},
  { kind, path, problems }: ServiceContext & { readonly kind: "service" | "task" },
): RestartSpec {
  const base = defaults.restart;
  const restart: RestartSpec = {
    policy: input.policy ?? (kind === "task" ? "never" : "always"),
    delayMs: ms(input.delay ?? base.delay),
    delayMaxMs: ms(input.delay_max ?? base.delay_max),
    factor: input.factor ?? base.factor,
    jitter: input.jitter ?? base.jitter,
    stableAfterMs: ms(input.stable_after ?? base.stable_after),
    intensity: input.intensity ?? base.intensity,
    periodMs: ms(input.period ?? base.period),
    then: input.then ?? base.then,
  };
  if (kind === "task" && restart.policy === "always") {
    const hint = "Use `on-failure`, or `kind: service`.";
    problems.push({
      path: [...path, "restart", "policy"],
      message: "a task ends by itself; `always` would never let it complete",
      hint,
    });
  }
  if (restart.delayMaxMs < restart.delayMs) {
    const key = input.delay_max === undefined ? "delay" : "delay_max";
    const message = `\`delay_max\` (${formatDuration(restart.delayMaxMs)}) is below \`delay\` (${formatDuration(restart.delayMs)})`;
    problems.push({ path: [...path, "restart", key], message, hint: "Raise `delay_max`, or lower `delay`." });
  }
  const place = { path: [...path, "restart"], written: Object.keys(input) };
  const problem = limitOfNothing(restart, place) ?? impossibleLimit(restart, place);
  if (problem !== undefined) problems.push(problem);
  return restart;
}

/** How an instance is asked to end. */
export function normaliseStop(input: ServiceInput["stop"] = {}, { path, problems }: ServiceContext): StopSpec {
  const graceMs = ms(input.grace ?? defaults.stop.grace);
  if (graceMs === 0) {
    const message = "a grace of 0 kills the program before it can act on the signal";
    problems.push({ path: [...path, "stop", "grace"], message, hint: "Give it time, or set `signal: SIGKILL`." });
  }
  return { signal: signalOf(input.signal ?? defaults.stop.signal), graceMs };
}

/** How new instances take over from old ones. */
export function normaliseReload(input: ServiceInput["reload"] = {}): ReloadSpec {
  const base = defaults.reload;
  return {
    style: input.style ?? base.style,
    settleMs: ms(input.settle ?? base.settle),
    parallel: input.parallel ?? base.parallel,
    timeoutMs: ms(input.timeout ?? base.timeout),
    onFailure: input.on_failure ?? base.on_failure,
    signal: signalOf(input.signal ?? base.signal),
  };
}

/** What an instance may use. */
export function normaliseLimits(input: ServiceInput["limits"] = {}, { path, problems }: ServiceContext): LimitsSpec {
  const { memory, memory_soft, cpu, pids, files, core } = input;
  const limits: LimitsSpec = {
    ...(memory !== undefined && { memoryBytes: bytes(memory) }),
    ...(memory_soft !== undefined && { memorySoftBytes: bytes(memory_soft) }),
    ...(cpu !== undefined && { cpuPercent: percent(cpu) }),
    ...(pids !== undefined && { pids }),
    ...(files !== undefined && { files }),
    ...(core !== undefined && { coreBytes: bytes(core) }),
  };
  if ((limits.memorySoftBytes ?? 0) > (limits.memoryBytes ?? Number.POSITIVE_INFINITY)) {
    const message = `\`memory_soft\` (${memory_soft}) is above \`memory\` (${memory}) and would never be reached`;
    problems.push({ path: [...path, "limits", "memory_soft"], message, hint: "Set it below `memory`." });
  }
  return limits;
}

/** What becomes of its output. */
export function normaliseLog(input: ServiceInput["log"] = {}): LogSpec {
  const base = defaults.log;
  return {
    maxSizeBytes: bytes(input.max_size ?? base.max_size),
    maxAgeMs: ms(input.max_age ?? base.max_age),
    keep: input.keep ?? base.keep,
    totalBytes: bytes(input.total ?? base.total),
    compress: input.compress ?? base.compress,
    whenFull: input.when_full ?? base.when_full,
    ...(input.rate !== undefined && { rateBytes: bytesPerSecond(input.rate) }),
  };
}

/** What holds for the output of all services of a file: each of them carries it, so that it needs no place of its own. */
export function normaliseLogOfAll(input: ConfigurationInput["log"] = {}): Pick<LogSpec, "totalOfAllBytes"> {
  return input.total === undefined ? {} : { totalOfAllBytes: bytes(input.total) };
}

function signalOf(text: string): string {
  return parseSignal(text) ?? text;
}

/** Verbs that talk to the instance that runs: by signals, and by the state it writes down. */
import { setTimeout as sleep } from "node:timers/promises";
import { LaresError } from "../../core/errors.ts";
import { isZombie } from "../../os/processes.ts";
import { exitCodes } from "../exit-codes.ts";
import { type Attempt, type DaemonState, readState } from "../lifecycle/state-file.ts";
import { isAlive, readPid, runningPid } from "../pid-file.ts";
import { launch } from "./launch.ts";
import type { Program, VerbOptions } from "./program.ts";

const lookMs = 20;
const outcomeTimeoutMs = 90_000;
const succeeded: Attempt = { count: 1, at: null, error: null };
/** Beyond the daemon's own grace period. */
const killMarginMs = 5_000;

export async function stop<Config>(daemon: Program<Config>, options: VerbOptions): Promise<number> {
  const { name, graceMs = 10_000 } = daemon.definition;
  const pid = await runningPid(options.pidFile);
  if (pid === undefined) {
    process.stdout.write(`${name}: not running\n`);
    return exitCodes.done;
  }
  process.kill(pid, "SIGTERM");
  if (await becomes(() => isGone(pid), graceMs + killMarginMs)) {
    process.stdout.write(`${name}: stopped\n`);
    return exitCodes.done;
  }
  process.kill(pid, "SIGKILL");
  await becomes(() => isGone(pid), killMarginMs);
  process.stderr.write(`${name}: killed; it did not stop within ${graceMs + killMarginMs} ms\n`);
  return exitCodes.failed;
}

export async function restart<Config>(daemon: Program<Config>, options: VerbOptions): Promise<number> {
  await stop(daemon, options);
  return launch(daemon, options);
}

export async function reload<Config>(daemon: Program<Config>, options: VerbOptions): Promise<number> {
  const pid = await pidOf(daemon, options);
  const before = readState(options.pidFile)?.reload.count ?? 0;
  process.kill(pid, "SIGHUP");
  const outcome = await outcomeOf((state) => (state.reload.count > before ? state.reload : undefined), options);
  return report(outcome, { done: `${daemon.definition.name}: reloaded`, verb: "reload" });
}

export async function upgrade<Config>(daemon: Program<Config>, options: VerbOptions): Promise<number> {
  const pid = await pidOf(daemon, options);
  const before = readState(options.pidFile)?.upgrade.count ?? 0;
  process.kill(pid, "SIGUSR2");
  const outcome = await outcomeOf((state) => {
    // The successor says first that it is ready, and is then made the main process.
    if (state.pid !== pid) return readPid(options.pidFile) === state.pid ? succeeded : undefined;
    return state.upgrade.count > before ? state.upgrade : undefined;
  }, options);
  return report(outcome, { done: `${daemon.definition.name}: upgraded`, verb: "upgrade" });
}

export async function status<Config>(daemon: Program<Config>, options: VerbOptions): Promise<number> {
  const { name } = daemon.definition;
  const pid = await runningPid(options.pidFile);
  const state = pid === undefined ? undefined : readState(options.pidFile);
  if (options.json) {
    process.stdout.write(
      `${JSON.stringify({ name, running: pid !== undefined, ...(state ?? { pid: pid ?? null }) })}\n`,
    );
  } else if (pid === undefined) {
    process.stdout.write(`${name}: not running\n`);
  } else {
    process.stdout.write(describe(name, { pid, state }));
  }
  return pid === undefined ? exitCodes.notRunning : exitCodes.done;
}

function describe(name: string, found: { pid: number; state: DaemonState | undefined }): string {
  const { pid, state } = found;
  if (!state) return `${name}: running, process ${pid}\n`;
  const lines = [
    `${name}: ${state.state}, process ${pid}, since ${state.startedAt}`,
    ...(state.version ? [`  version   ${state.version}`] : []),
    ...state.listeners.map((listener) => `  listens   ${listener}`),
    `  reloads   ${describeAttempt(state.reload)}`,
    `  upgrades  ${describeAttempt(state.upgrade)}`,
  ];
  return `${lines.join("\n")}\n`;
}

function describeAttempt({ count, error }: Attempt): string {
  return error === null ? String(count) : `${count}, the last one failed: ${error}`;
}

async function pidOf<Config>(daemon: Program<Config>, options: VerbOptions): Promise<number> {
  const pid = await runningPid(options.pidFile);
  if (pid !== undefined) return pid;
  const { name } = daemon.definition;
  throw new LaresError("operation_failed", `Cannot reach ${name}: it is not running`, {
    hint: `Run \`${name} start --daemon\`.`,
  });
}

async function outcomeOf(
  find: (state: DaemonState) => Attempt | undefined,
  options: VerbOptions,
): Promise<Attempt | undefined> {
  let found: Attempt | undefined;
  await becomes(() => {
    const state = readState(options.pidFile);
    found = state && find(state);
    return found !== undefined;
  }, outcomeTimeoutMs);
  return found;
}

function report(outcome: Attempt | undefined, words: { readonly done: string; readonly verb: string }): number {
  if (outcome && outcome.error === null) {
    process.stdout.write(`${words.done}\n`);
    return exitCodes.done;
  }
  process.stderr.write(`error: ${outcome?.error ?? `no outcome of the ${words.verb} within ${outcomeTimeoutMs} ms`}\n`);
  return exitCodes.failed;
}

async function becomes(isSo: () => boolean, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!isSo()) {
    if (performance.now() > deadline) return false;
    await sleep(lookMs);
  }
  return true;
}

/** A zombie has ended; that nobody has asked for its status is no concern of ours. */
function isGone(pid: number): boolean {
  return !isAlive(pid) || isZombie(pid);
}

import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { LaresError } from "../core/errors.ts";
import type { SupervisorView } from "../protocol/api.ts";
import type { Homes } from "../protocol/homes.ts";
import { otherRunsCode } from "../protocol/supervisor-exit.ts";
import { openClient } from "./client.ts";
import { isDisconnected } from "./errors.ts";
import { newestLines } from "./newest-lines.ts";

/** How long a supervisor may take to answer: a thousand services to adopt on a busy machine, and room to spare. */
const startTimeoutMs = 10_000;

/**
 * Starts the supervisor of a home in the background, and waits until it answers.
 *
 * @throws LaresError `operation_failed` with the supervisor's last words when it ends or stays silent.
 */
export async function launchSupervisor(homes: Homes): Promise<void> {
  const child = spawn(process.execPath, [program(), ...homeArguments(homes)], {
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
    cwd: "/",
  });
  const said = collect(child);
  child.once("error", (error) => {
    said.text += error.message;
  });
  const deadlineMs = performance.now() + startTimeoutMs;
  try {
    for (;;) {
      const supervisor = await answering(homes);
      const ended = hasEnded(child);
      const isLate = performance.now() > deadlineMs;
      if (supervisor === undefined) {
        // Another one that was started at the same time has the home, and will answer.
        if (isLate || (ended && child.exitCode !== otherRunsCode)) throw await notStarted(homes, { child, said });
      } else if (ended || isLate || supervisor.keeperPid === child.pid) return;
      // One that comes too late has to see that it does: after a `down` it would be the only one.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  } finally {
    child.stderr?.destroy();
    child.unref();
  }
}

/**
 * Runs the supervisor of a home as a child that has this process's terminal, and passes signals on to it.
 *
 * @param options `onReady` is called once it answers.
 * @returns The exit code, 128 + N after signal N.
 */
export async function runSupervisor(homes: Homes, options: { readonly onReady: () => void }): Promise<number> {
  const child = spawn(process.execPath, [program(), ...homeArguments(homes), "--foreground"], { stdio: "inherit" });
  const passed = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;
  const pass = (signal: NodeJS.Signals) => {
    // What is typed on a terminal reaches the child by itself; twice could mean that it is in earnest.
    const typed = process.stdin.isTTY && (signal === "SIGINT" || signal === "SIGQUIT");
    if (!typed) child.kill(signal);
  };
  for (const signal of passed) process.on(signal, pass);
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
  while (child.exitCode === null && child.signalCode === null && (await answering(homes)) === undefined) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  if (child.exitCode === null && child.signalCode === null) options.onReady();
  const code = await ended;
  for (const signal of passed) process.off(signal, pass);
  return code;
}

/** Sources and bundles run alike; only the launcher's place differs. */
function program(): string {
  const source = import.meta.url.endsWith(".ts");
  return fileURLToPath(new URL(source ? "../supervisor/launch.ts" : "./launch.js", import.meta.url));
}

function homeArguments(homes: Homes): string[] {
  return homes.directory === null ? [] : ["--home", homes.directory];
}

async function answering(homes: Homes): Promise<SupervisorView | undefined> {
  try {
    return await openClient({ socketPath: homes.socket }).supervisor();
  } catch (error) {
    if (isDisconnected(error)) return undefined;
    throw error;
  }
}

function hasEnded({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid === undefined || exitCode !== null || signalCode !== null;
}

/** What the launcher says of itself; bounded, since nothing bounds what it may say. */
function collect(child: ChildProcess): { text: string } {
  const said = { text: "" };
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said.text = (said.text + text).slice(-4096);
  });
  return said;
}

async function notStarted(
  homes: Homes,
  { child, said }: { readonly child: ChildProcess; readonly said: { readonly text: string } },
): Promise<LaresError> {
  const log = `${homes.log}/supervisor.log`;
  const words = said.text.trim() || (await newestLines(log, 10)).join("\n");
  const state =
    child.exitCode === null
      ? `it did not answer within ${startTimeoutMs / 1000} s`
      : `it ended with code ${child.exitCode}`;
  return new LaresError(
    "operation_failed",
    `Cannot start the supervisor: ${child.signalCode ? `it was killed by ${child.signalCode}` : state}`,
    {
      hint: `Look into "${log}", or run it before your eyes with \`lares up --foreground\`.`,
      ...(words === "" ? {} : { cause: new Error(words) }),
    },
  );
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { handleSignals } from "./signals.ts";

const signalNames = ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGTERM", "SIGINT"] as const;

/** Who listened before: the test runner ends the run on a signal to stop. */
const others = new Map(signalNames.map((name) => [name, process.listeners(name)]));

/** Tells a signal to those that listen since, without raising it. */
function tell(signal: (typeof signalNames)[number]): void {
  for (const listener of process.listeners(signal)) {
    if (!others.get(signal)?.includes(listener)) listener(signal);
  }
}

function record(setting: { isSystemd?: boolean; isTerminal?: boolean } = {}): { told: string[]; signals: Disposable } {
  const told: string[] = [];
  const signals = handleSignals(
    {
      stop: (signal) => void told.push(`stop ${signal}`),
      force: (signal, code) => void told.push(`force ${signal} ${code}`),
      reload: () => void told.push("reload"),
      reopenLogs: () => void told.push("reopen"),
      upgrade: () => void told.push("upgrade"),
    },
    { isSystemd: false, isTerminal: false, ...setting },
  );
  return { told, signals };
}

test("each signal has its meaning, and is given back at the end", () => {
  const before = process.listenerCount("SIGHUP");
  {
    const { told, signals } = record();
    using _signals = signals;
    // USR2 would also make Node itself write a report here.
    for (const signal of ["SIGHUP", "SIGUSR1", "SIGTERM"] as const) tell(signal);
    assert.deepEqual(told, ["reload", "reopen", "stop SIGTERM"]);
  }
  assert.equal(process.listenerCount("SIGHUP"), before);
});

test("a second signal to stop ends it at once", () => {
  const { told, signals } = record({});
  using _signals = signals;
  tell("SIGTERM");
  tell("SIGTERM");
  tell("SIGINT");
  assert.deepEqual(told, ["stop SIGTERM", "force SIGTERM 143", "force SIGINT 130"]);
});

test("under systemd a second TERM so soon is that of its ExecStop; another signal, or a later one, is not", (context) => {
  let now = 1_000;
  context.mock.method(performance, "now", () => now);
  const { told, signals } = record({ isSystemd: true });
  using _signals = signals;
  tell("SIGTERM");
  now += 500;
  tell("SIGTERM");
  assert.deepEqual(told, ["stop SIGTERM"]);
  tell("SIGINT");
  now += 2_000;
  tell("SIGTERM");
  assert.deepEqual(told, ["stop SIGTERM", "force SIGINT 130", "force SIGTERM 143"]);
});

test("at a terminal a second INT so soon is the one that npm passes on", (context) => {
  let now = 1_000;
  context.mock.method(performance, "now", () => now);
  const { told, signals } = record({ isTerminal: true });
  using _signals = signals;
  tell("SIGINT");
  now += 50;
  tell("SIGINT");
  assert.deepEqual(told, ["stop SIGINT"]);
  now += 500;
  tell("SIGINT");
  assert.deepEqual(told, ["stop SIGINT", "force SIGINT 130"]);
});

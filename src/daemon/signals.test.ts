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

function record(): { told: string[]; signals: Disposable } {
  const told: string[] = [];
  const signals = handleSignals({
    stop: (signal) => void told.push(`stop ${signal}`),
    force: (signal, code) => void told.push(`force ${signal} ${code}`),
    reload: () => void told.push("reload"),
    reopenLogs: () => void told.push("reopen"),
    upgrade: () => void told.push("upgrade"),
  });
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

test("a second signal to stop forces it, unless it comes so soon that it is the same request", (context) => {
  let now = 1_000;
  context.mock.method(performance, "now", () => now);
  const { told, signals } = record();
  using _signals = signals;
  tell("SIGTERM");
  now += 500;
  tell("SIGTERM");
  assert.deepEqual(told, ["stop SIGTERM"]);
  now += 2_000;
  tell("SIGTERM");
  tell("SIGINT");
  assert.deepEqual(told, ["stop SIGTERM", "force SIGTERM 143", "force SIGINT 130"]);
});

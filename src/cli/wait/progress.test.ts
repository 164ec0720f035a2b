import assert from "node:assert/strict";
import { test } from "node:test";
import type { InstanceView } from "../../protocol/api.ts";
import { fakeTerminal, instance } from "../testing.ts";
import { Progress } from "./progress.ts";

function standing(instances: readonly InstanceView[], disconnected = false) {
  const goal = { kind: "gone", service: "api" } as const;
  return {
    verdicts: [{ goal, verdict: "pending" as const }],
    instances,
    reloads: [],
    unstartable: new Map<string, number>(),
    disconnected,
  };
}

test("without a terminal, each change is a line, and nothing is said twice", () => {
  const terminal = fakeTerminal();
  const progress = new Progress(terminal);
  const starting = instance({ state: "starting" });
  progress.show(standing([starting, instance({ slot: 1, state: "starting" })]));
  progress.show(standing([starting, instance({ slot: 1, state: "backoff", reason: "exit code 1" })]));
  progress.show(standing([instance({ service: "web" }), starting]));
  assert.equal(terminal.text, "api/0  starting\napi/1  starting\napi/1  backoff  exit code 1\n");
});

test("a stop that hangs names who holds it up and for how long, every five seconds", () => {
  const terminal = fakeTerminal();
  let nowMs = 0;
  const progress = new Progress(terminal, () => nowMs);
  for (nowMs = 0; nowMs <= 12_000; nowMs += 1000) progress.show(standing([instance({ state: "stopping", pid: 42 })]));
  assert.equal(
    terminal.text,
    "api/0  stopping\napi/0  stopping  for 5s already, pid 42\napi/0  stopping  for 10s already, pid 42\n",
  );
});

test("on a terminal, the lines are rewritten in place and cut to its width", () => {
  const terminal = fakeTerminal({ live: true, columns: 24, rows: 24 });
  const progress = new Progress(terminal);
  progress.show(standing([instance({ state: "starting" })]));
  progress.show(standing([instance({ state: "backoff", reason: "exit code 1 after 3 ms" })], true));
  assert.equal(
    terminal.text,
    "\u001b[2Kapi/0  starting\n\u001b[0J" +
      "\u001b[1A\u001b[2Kapi/0  backoff  exit co…\n\u001b[2Kthe supervisor is being started again …\n\u001b[0J",
  );
});

test("what does not fit the screen is counted, and what is under way comes first", () => {
  const terminal = fakeTerminal({ live: true, columns: 80, rows: 6 });
  const instances = Array.from({ length: 10 }, (_, slot) => instance({ slot, state: slot === 9 ? "starting" : "up" }));
  new Progress(terminal).show(standing(instances));
  assert.ok(terminal.text.startsWith("\u001b[2Kapi/9  starting\n"), terminal.text);
  assert.match(terminal.text, /… and 7 more/);
  assert.equal(terminal.text.match(/\n/g)?.length, 4);
});

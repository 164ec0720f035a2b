import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeWaitStatus, signalName, signalNumber } from "./pidfd.ts";

test("a wait status is an exit code or a signal, with or without a core", () => {
  assert.deepEqual(decodeWaitStatus(0), { code: 0, signal: null });
  assert.deepEqual(decodeWaitStatus(255 << 8), { code: 255, signal: null });
  assert.deepEqual(decodeWaitStatus(9), { code: null, signal: "SIGKILL" });
  assert.deepEqual(decodeWaitStatus(6 | 0x80), { code: null, signal: "SIGABRT" });
});

test("signals go by name, short name, real-time offset or number", () => {
  assert.equal(signalNumber("SIGTERM"), 15);
  assert.equal(signalNumber("HUP"), 1);
  assert.equal(signalNumber("SIGRTMIN+3"), 37);
  assert.equal(signalNumber(10), 10);
  assert.equal(signalName(37), "SIGRTMIN+3");
  assert.equal(signalName(34), "SIGRTMIN");
  assert.throws(() => signalNumber("SIGNOTHING"), /there is no such signal/);
  assert.throws(() => signalNumber("SIGRTMIN+31"), /there is no such signal/);
});

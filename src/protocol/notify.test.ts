import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isFdName } from "./listen-fds.ts";
import { formatNotify, type NotifyMessage, parseNotify, statusBytesMax } from "./notify.ts";

const whole = { truncated: false };
const bytes = (text: string) => new TextEncoder().encode(text);
const parse = (text: string) => parseNotify(bytes(text), whole);

const understood: [text: string, message: NotifyMessage][] = [
  ["READY=1", { ready: true }],
  ["READY=1\n", { ready: true }],
  ["READY=1\0", { ready: true }],
  ["READY=0", {}],
  ["RELOADING=1\nMONOTONIC_USEC=123456", { reloading: true, monotonicUsec: 123456 }],
  ["RELOADING=1\nREADY=1", { ready: true, reloading: true }],
  ["READY=1\nRELOADING=1\nSTOPPING=1", { stopping: true }],
  ["STATUS=Halfway there\n\nMAINPID=4711", { status: "Halfway there", mainPid: 4711 }],
  ["STATUS=", { status: "" }],
  ["STATUS=a=b", { status: "a=b" }],
  ["STATUS=first\nSTATUS=second", { status: "first" }],
  ["STATUS=\u001b[2Jgone", { status: " [2Jgone" }],
  ["MAINPID=0", {}],
  ["MAINPID=1", {}],
  ["MAINPID=4194305", {}],
  ["MAINPID=-5", {}],
  ["MAINPID=99999999999999999999999", {}],
  ["WATCHDOG=1", { watchdog: "ping" }],
  ["WATCHDOG=trigger", { watchdog: "trigger" }],
  ["WATCHDOG=2", {}],
  ["WATCHDOG_USEC=30000000", { watchdogUsec: 30_000_000 }],
  ["WATCHDOG_USEC=18446744073709551615", { watchdogUsec: Number.MAX_SAFE_INTEGER }],
  ["EXTEND_TIMEOUT_USEC=5000000", { extendTimeoutUsec: 5_000_000 }],
  ["EXTEND_TIMEOUT_USEC=1e9", {}],
  ["ERRNO=2\nBUSERROR=org.example.Gone\nEXIT_STATUS=3", { errno: 2, busError: "org.example.Gone", exitStatus: 3 }],
  ["RESTART_RESET=1", { restartReset: true }],
  ["FDSTORE=1\nFDNAME=state\nFDPOLL=0", { fdStore: true, fdName: "state", fdPoll: false }],
  ["FDSTORE=1\nFDNAME=a:b", { fdStore: true }],
  ["FDSTOREREMOVE=1", {}],
  ["FDSTOREREMOVE=1\nFDSTORE=1\nFDNAME=state", { fdStoreRemove: true, fdName: "state" }],
  ["NOTIFYACCESS=all", { notifyAccess: "all" }],
  ["X_LARES_REPLACE=1", { replace: true }],
  ["NOTIFYACCESS=everyone", {}],
  ["X_PRIVATE=1\nno key\n=\n", {}],
  ["ready=1", {}],
  [" READY=1", {}],
];

for (const [text, message] of understood) {
  test(`${JSON.stringify(text)} is understood`, () => {
    assert.deepEqual(parse(text), message);
  });
}

const rejected: [what: string, data: Uint8Array, truncated: boolean, reason: RegExp][] = [
  ["cut by the kernel", bytes("READY=1"), true, /truncated/],
  ["with a NUL inside", bytes("READY=1\0\0"), false, /NUL/],
  ["beyond 4096 bytes", bytes(`STATUS=${"x".repeat(4096)}`), false, /4096/],
  ["that is empty", new Uint8Array(), false, /empty/],
  ["with a barrier and more", bytes("BARRIER=1\nREADY=1"), false, /BARRIER/],
];

for (const [what, data, truncated, reason] of rejected) {
  test(`a datagram ${what} is rejected`, () => {
    const message = parseNotify(data, { truncated });
    assert.match("rejected" in message ? message.rejected : "", reason);
  });
}

test("a barrier needs exactly one descriptor", () => {
  assert.deepEqual(parseNotify(bytes("BARRIER=1"), { truncated: false, descriptors: 1 }), { barrier: true });
  assert.ok("rejected" in parseNotify(bytes("BARRIER=1"), { truncated: false, descriptors: 0 }));
  assert.ok("rejected" in parseNotify(bytes("BARRIER=1"), { truncated: false, descriptors: 2 }));
});

test("a status that is not UTF-8 is left out, and the rest still counts", () => {
  const data = new Uint8Array([...bytes("STATUS="), 0xff, 0xfe, ...bytes("\nREADY=1")]);
  assert.deepEqual(parseNotify(data, whole), { ready: true });
});

test("a long status is cut between characters", () => {
  const message = parse(`STATUS=${"€".repeat(1000)}`);
  assert.deepEqual(message, { status: "€".repeat(Math.floor(statusBytesMax / 3)) });
});

test("a status cannot forge another field", () => {
  assert.equal(formatNotify({ status: "fine\nMAINPID=1" }), "STATUS=fine MAINPID=1\n");
});

test("reading never throws, whatever the datagram holds", () => {
  const line = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.tuple(fc.constantFrom("STATUS", "MAINPID", "WATCHDOG", "FDNAME"), fc.string()).map((pair) => pair.join("=")),
  );
  const text = fc.array(line).map((lines) => bytes(lines.join("\n")));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 5000 }), text), fc.boolean(), (data, truncated) => {
      assert.equal(typeof parseNotify(data, { truncated }), "object");
    }),
  );
});

test("what is written is read back, for any message that a service can mean", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 60 }).filter((value) => !/\p{Cc}/u.test(value));
  const word = text.filter((value) => value !== "");
  const on = fc.constant(true as const);
  const states = fc.constantFrom(
    {},
    { ready: true },
    { reloading: true },
    { ready: true, reloading: true },
    { stopping: true },
  );
  const values = fc.record(
    {
      monotonicUsec: fc.maxSafeNat(),
      status: text,
      errno: fc.nat(),
      busError: word,
      varlinkError: word,
      exitStatus: fc.nat(255),
      mainPid: fc.integer({ min: 2, max: 4_194_304 }),
      watchdog: fc.constantFrom("ping", "trigger"),
      watchdogUsec: fc.maxSafeNat(),
      extendTimeoutUsec: fc.maxSafeNat(),
      restartReset: on,
      replace: on,
      fdStore: on,
      fdName: fc.string({ minLength: 1 }).filter(isFdName),
      fdPoll: fc.constant(false as const),
      notifyAccess: fc.constantFrom("none", "main", "exec", "all"),
    },
    { requiredKeys: [], noNullPrototype: true },
  );
  fc.assert(
    fc.property(states, values, (state, fields) => {
      const message = { ...state, ...fields } as NotifyMessage;
      const written = formatNotify(message);
      fc.pre(written !== "");
      assert.deepEqual(parse(written), message);
    }),
  );
});

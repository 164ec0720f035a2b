import assert from "node:assert/strict";
import { Server } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { fitness, type ListenerAddress } from "./address-match.ts";
import { type ListenTarget, readListenCall } from "./listen-call.ts";

const done = () => {};
const tcp = (port: number, host?: string): ListenTarget => ({ kind: "tcp", port, host });

const calls: [form: string, args: unknown[], target: ListenTarget | undefined, backlog?: number][] = [
  ["(port)", [3000], tcp(3000)],
  ["(port, callback)", [3000, done], tcp(3000)],
  ["(port, host)", [3000, "127.0.0.1"], tcp(3000, "127.0.0.1")],
  ["(port, host, backlog, callback)", [3000, "::1", 64, done], tcp(3000, "::1"), 64],
  ["(port, backlog)", [3000, 64], tcp(3000), 64],
  ["(digits)", ["3000"], tcp(3000)],
  ["({ port })", [{ port: 3000 }], tcp(3000)],
  ["({ port: digits, host, backlog })", [{ port: "3000", host: "localhost", backlog: 9 }], tcp(3000, "localhost"), 9],
  ["({ port, exclusive, reusePort })", [{ port: 3000, exclusive: true, reusePort: true }], tcp(3000)],
  ["(path, callback)", ["/run/app.sock", done], { kind: "unix", path: "/run/app.sock" }],
  ["({ path })", [{ path: "/run/app.sock" }], { kind: "unix", path: "/run/app.sock" }],
  ["({ fd })", [{ fd: 3 }], { kind: "fd", fd: 3 }],
  ["({ fd: 0 })", [{ fd: 0 }], undefined],
  ["(0)", [0], undefined],
  ["({ port: 0 })", [{ port: 0, host: "127.0.0.1" }], undefined],
  ["()", [], undefined],
  ["(callback)", [done], undefined],
  ["(null)", [null], undefined],
  ["(70000)", [70_000], undefined],
  ["(server)", [new Server()], undefined],
  ["(handle)", [{ _handle: {}, port: 3000 }], undefined],
];

for (const [form, args, target, backlog] of calls) {
  test(`listen${form} asks for ${JSON.stringify(target) ?? "nothing configured"}`, () => {
    const call = readListenCall(args);
    assert.deepEqual(call?.target, target);
    assert.equal(call?.backlog, backlog);
    assert.equal(call?.callback, target !== undefined && args.includes(done) ? done : undefined);
  });
}

test("reading a call never throws, whatever its arguments", () => {
  fc.assert(fc.property(fc.array(fc.anything(), { maxLength: 4 }), (args) => void readListenCall(args)));
});

const loopback: ListenerAddress = { kind: "tcp", port: 3000, host: "127.0.0.1" };
const everywhere: ListenerAddress = { kind: "tcp", port: 3000, host: "::" };
const unix: ListenerAddress = { kind: "unix", path: "/run/app.sock" };

const fits: [ListenerAddress, ListenTarget, boolean][] = [
  [loopback, tcp(3000), true],
  [loopback, tcp(3000, "127.0.0.1"), true],
  [loopback, tcp(3000, "localhost"), true],
  [loopback, tcp(3000, "0.0.0.0"), true],
  [loopback, tcp(3000, "10.0.0.1"), false],
  [loopback, tcp(3000, "example.org"), false],
  [loopback, tcp(3001), false],
  [everywhere, tcp(3000, "10.0.0.1"), true],
  [everywhere, tcp(3001), false],
  [unix, { kind: "unix", path: "/run/../run/app.sock" }, true],
  [unix, { kind: "unix", path: "/run/other.sock" }, false],
  [unix, tcp(3000), false],
];

for (const [address, target, expected] of fits) {
  test(`${JSON.stringify(address)} ${expected ? "is" : "is not"} what ${JSON.stringify(target)} means`, () => {
    assert.equal(fitness(address, target) > 0, expected);
  });
}

test("the very host fits better than all hosts, and those better than another", () => {
  assert.ok(fitness(loopback, tcp(3000, "127.0.0.1")) > fitness(everywhere, tcp(3000, "127.0.0.1")));
  assert.ok(fitness(everywhere, tcp(3000)) > fitness(loopback, tcp(3000)));
});

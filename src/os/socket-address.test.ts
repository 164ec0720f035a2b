import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeTcpAddress, encodeUnixAddress, fitsSocketAddress } from "./socket-address.ts";

test("addresses are encoded as the kernel reads them", () => {
  assert.deepEqual(
    [...encodeTcpAddress({ host: "127.0.0.1", port: 8080 }).subarray(0, 8)],
    [2, 0, 31, 144, 127, 0, 0, 1],
  );
  const v6 = encodeTcpAddress({ host: "[::1]", port: 80 });
  assert.deepEqual([v6.length, v6[0], v6[23]], [28, 10, 1]);
  assert.deepEqual([...encodeUnixAddress("/a")], [1, 0, 47, 97, 0]);
});

test("short names of hosts mean addresses, and other names are refused", () => {
  assert.deepEqual(encodeTcpAddress({ host: "localhost", port: 1 }), encodeTcpAddress({ host: "127.0.0.1", port: 1 }));
  assert.deepEqual(encodeTcpAddress({ host: "*", port: 1 }), encodeTcpAddress({ host: "0.0.0.0", port: 1 }));
  assert.throws(() => encodeTcpAddress({ host: "example.org", port: 1 }), /it is not an IP address/);
});

test("a path of 107 bytes fits, one of 108 does not", () => {
  assert.equal(fitsSocketAddress("é".repeat(53)), true);
  assert.equal(fitsSocketAddress("x".repeat(108)), false);
});

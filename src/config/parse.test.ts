import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { formatAddress, formatDuration, formatSize } from "../core/plan.ts";
import { parseListenAddress } from "./parse-address.ts";
import { parseDuration } from "./parse-duration.ts";
import { parseSignal } from "./parse-signal.ts";
import { parsePercent, parseRate, parseSize } from "./parse-size.ts";

describe("parseDuration", () => {
  const good: readonly (readonly [string, number])[] = [
    ["100ms", 100],
    ["5s", 5_000],
    ["1.5s", 1_500],
    ["10m", 600_000],
    ["1h", 3_600_000],
    ["14d", 1_209_600_000],
    ["1h30m", 5_400_000],
    ["1d2h3m4s5ms", 93_784_005],
    ["0s", 0],
  ];
  for (const [text, ms] of good) it(`reads ${text}`, () => assert.equal(parseDuration(text), ms));
  for (const text of ["", "5", "s", "5 s", "-5s", "30m1h", "1s1s", "5S", "1w", "1e3s", "99999999999999d"]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseDuration(text), undefined));
  }
  it("reads back whatever is shown", () => {
    fc.assert(fc.property(fc.nat(2 ** 45), (ms) => parseDuration(formatDuration(ms)) === ms));
  });
});

describe("parseSize, parseRate and parsePercent", () => {
  const sizes: readonly (readonly [string, number])[] = [
    ["0", 0],
    ["512B", 512],
    ["512K", 524_288],
    ["64M", 67_108_864],
    ["64m", 67_108_864],
    ["1.5G", 1_610_612_736],
    ["1T", 1_099_511_627_776],
  ];
  for (const [text, bytes] of sizes) it(`read ${text}`, () => assert.equal(parseSize(text), bytes));
  for (const text of ["", "12", "M", "-1M", "1 M", "1MM", "1P", "99999999T"]) {
    it(`refuse ${JSON.stringify(text)} as a size`, () => assert.equal(parseSize(text), undefined));
  }
  it("read back whatever is shown", () => {
    fc.assert(fc.property(fc.nat(2 ** 50), (bytes) => parseSize(formatSize(bytes)) === bytes));
  });
  it("read a rate only with its second", () => {
    assert.deepEqual([parseRate("10M/s"), parseRate("10M"), parseRate("0/s")], [10_485_760, undefined, undefined]);
  });
  it("read a percentage only with its sign, and above zero", () => {
    assert.deepEqual(["150%", "0.5%", "150", "0%", "%"].map(parsePercent), [150, 0.5, undefined, undefined, undefined]);
  });
});

describe("parseSignal", () => {
  it("takes names with and without SIG, in any case", () => {
    assert.deepEqual(["SIGTERM", "TERM", "term", "sigusr2"].map(parseSignal), [
      "SIGTERM",
      "SIGTERM",
      "SIGTERM",
      "SIGUSR2",
    ]);
  });
  it("refuses what this system does not have", () => {
    assert.deepEqual(["", "SIG", "FOO", "15"].map(parseSignal), [undefined, undefined, undefined, undefined]);
  });
});

describe("parseListenAddress", () => {
  const good: readonly (readonly [string, string])[] = [
    ["8080", "0.0.0.0:8080"],
    [":8080", "0.0.0.0:8080"],
    ["*:8080", "0.0.0.0:8080"],
    ["0", "0.0.0.0:0"],
    ["127.0.0.1:8080", "127.0.0.1:8080"],
    ["localhost:8080", "127.0.0.1:8080"],
    ["[::1]:8080", "[::1]:8080"],
    ["unix:/run/a.sock", "unix:/run/a.sock"],
    ["unix:a.sock", "unix:/srv/a.sock"],
  ];
  for (const [text, shown] of good) {
    it(`reads ${text}`, () => {
      const address = parseListenAddress(text, "/srv");
      assert.ok(typeof address === "object");
      assert.equal(formatAddress(address), shown);
    });
  }
  const bad: readonly (readonly [string, string])[] = [
    ["foo", "it has no port"],
    ["foo:80", '"foo" is no IP address'],
    ["::1:80", "it has no port"],
    ["[1.2.3.4]:80", '"1.2.3.4" is no IPv6 address'],
    ["80800", "port 80800 is above 65535"],
    ["unix:", "it has no path"],
    [`unix:/${"a".repeat(120)}`, "its path has 121 bytes, and Linux allows 107"],
  ];
  for (const [text, reason] of bad) {
    it(`refuses ${text.slice(0, 20)}: ${reason}`, () => assert.equal(parseListenAddress(text, "/srv"), reason));
  }
});

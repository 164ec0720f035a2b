import assert from "node:assert/strict";
import { test } from "node:test";
import { durationOption, formatBytes, formatDuration, timeOption } from "./units.ts";

test("durations are shown in the two largest units that matter", () => {
  const cases: [number, string][] = [
    [0, "0ms"],
    [104, "104ms"],
    [999.6, "999ms"],
    [51_234, "51s"],
    [200_000, "3m 20s"],
    [180_000, "3m"],
    [7_500_000, "2h 5m"],
    [187_200_000, "2d 4h"],
  ];
  for (const [ms, text] of cases) assert.equal(formatDuration(ms), text);
});

test("sizes are shown in powers of 1024", () => {
  const cases: [number, string][] = [
    [0, "0B"],
    [1023, "1023B"],
    [1024, "1K"],
    [48_234_496, "46M"],
    [1.5 * 1024 ** 3, "1.5G"],
    [1024 ** 4, "1.0T"],
    [5000 * 1024 ** 4, "5000T"],
  ];
  for (const [bytes, text] of cases) assert.equal(formatBytes(bytes), text);
});

test("a moment is a time ago, a time of today, or an ISO 8601 time", () => {
  const nowMs = new Date(2026, 10, 22, 15, 0, 0).getTime();
  const at = (text: string) => timeOption(text, { option: "--since", nowMs });
  assert.equal(at("10m"), nowMs - 600_000);
  assert.equal(at("1h30m"), nowMs - 5_400_000);
  assert.equal(at("14:05"), new Date(2026, 10, 22, 14, 5).getTime());
  assert.equal(at("2026-11-22T14:05:00Z"), Date.parse("2026-11-22T14:05:00Z"));
  for (const text of ["yesterday", "", "25:00", "14:75", "2026-99-99"])
    assert.throws(() => at(text), /is not a time/, text);
});

test("a duration without a unit is refused", () => {
  assert.equal(durationOption("1.5h", "--timeout"), 5_400_000);
  for (const text of ["", "5", "5 s", "-5s", "s"]) {
    assert.throws(() => durationOption(text, "--timeout"), /--timeout .* is not a duration/, text);
  }
});

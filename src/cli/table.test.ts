import assert from "node:assert/strict";
import { test } from "node:test";
import { renderTable } from "./table.ts";
import { fakeTerminal } from "./testing.ts";

const columns = [{ title: "NAME" }, { title: "PID", align: "right" }, { title: "REASON" }] as const;
const rows = [
  ["api/0", "4711", "killed by SIGKILL; restarted after 104 ms"],
  ["worker/10", "2", ""],
];

test("columns are as wide as their widest cell, numbers stand to the right, lines have no spaces at their end", () => {
  assert.deepEqual(renderTable(columns, { rows, terminal: fakeTerminal() }), [
    "NAME        PID  REASON",
    "api/0      4711  killed by SIGKILL; restarted after 104 ms",
    "worker/10     2",
  ]);
});

test("the last column is cut where the terminal ends", () => {
  const lines = renderTable(columns, { rows, terminal: fakeTerminal({ columns: 30 }) });
  assert.equal(lines[1], "api/0      4711  killed by SI…");
});

test("no line is wider than the terminal, however narrow it is", () => {
  for (let width = 1; width < 40; width++) {
    for (const line of renderTable(columns, { rows, terminal: fakeTerminal({ columns: width }) })) {
      assert.ok(line.length <= width, `${line.length} > ${width}: ${line}`);
    }
  }
});

test("control characters cannot tear a table", () => {
  const [, line] = renderTable([{ title: "A" }], { rows: [["one\ntwo\u001b[2Jthree"]], terminal: fakeTerminal() });
  assert.equal(line, "one two [2Jthree");
});

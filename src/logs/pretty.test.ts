import assert from "node:assert/strict";
import { test } from "node:test";
import { styleText } from "node:util";
import fc from "fast-check";
import { renderJsonLine } from "./pretty.ts";

const plain = { color: false };

/** As each library writes it by default. */
const records = {
  pino: '{"level":30,"time":1795341600000,"pid":7,"hostname":"h","msg":"ready","port":80}',
  bunyan:
    '{"name":"api","hostname":"h","pid":7,"level":40,"msg":"slow","ms":901,"time":"2026-11-22T10:00:00.000Z","v":0}',
  zap: '{"level":"error","ts":1795341600.1,"caller":"main.go:7","msg":"no route","to":"a b"}',
  logrus: '{"level":"warning","msg":"again","time":"2026-11-22T10:00:00Z","try":2}',
  winston: '{"level":"info","message":"done","user":{"id":1}}',
};

test("records of the usual libraries are shown with level, message and fields", () => {
  assert.equal(renderJsonLine(records.pino, plain), "INFO  ready port=80");
  assert.equal(renderJsonLine(records.bunyan, plain), "WARN  slow name=api ms=901");
  assert.equal(renderJsonLine(records.zap, plain), 'ERROR no route caller=main.go:7 to="a b"');
  assert.equal(renderJsonLine(records.logrus, plain), "WARN  again try=2");
  assert.equal(renderJsonLine(records.winston, plain), "INFO  done user={ id: 1 }");
});

test("a stack is written out below its line", () => {
  const record = JSON.stringify({
    level: 50,
    msg: "boom",
    err: { type: "Error", stack: "Error: boom\n    at f (a.js:1)" },
  });
  assert.equal(
    renderJsonLine(record, plain),
    "ERROR boom err={ type: 'Error' }\n    Error: boom\n        at f (a.js:1)",
  );
});

test("the level has a colour of its own when colours are wanted", () => {
  const error = styleText("red", "ERROR", { validateStream: false });
  assert.ok(renderJsonLine(records.zap, { color: true }).startsWith(`${error} no route`));
});

test("any other line stays as it is", () => {
  for (const text of [
    "",
    "{",
    "{}",
    "null",
    '{"a":1}',
    '{"level":"odd","msg":"x"}',
    '{"level":null,"msg":"x"}',
    '[{"level":30}]',
  ])
    assert.equal(renderJsonLine(text, plain), text);
  fc.assert(fc.property(fc.json(), (text) => typeof renderJsonLine(text, plain) === "string"));
  fc.assert(fc.property(fc.string(), (text) => renderJsonLine(text, plain) === text));
});

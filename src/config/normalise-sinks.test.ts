import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SinkSpec } from "../core/sink.ts";
import type { Problem } from "./diagnostic.ts";
import { normaliseSinks } from "./normalise-sinks.ts";
import type { ServiceInput } from "./schema.ts";

type SinkInput = NonNullable<NonNullable<ServiceInput["log"]>["to"]>[string];

const common = { name: "a", from: "oldest", delayMs: 1000, timeoutMs: 10_000 } as const;
const http = { headers: {}, labels: {}, tls: {} };

const taken: readonly (readonly [title: string, input: SinkInput, expected: SinkSpec])[] = [
  ["takes `journald` in short", "journald", { ...common, by: "journald", path: "/run/systemd/journal/socket" }],
  ["takes another journal", { journald: "./j" }, { ...common, by: "journald", path: "/srv/j" }],
  [
    "knows the ports of syslog",
    { syslog: "tls://[::1]", facility: "local7", ca: "ca.pem", from: "now", delay: "0s", timeout: "1m" },
    {
      ...{ name: "a", from: "now", delayMs: 0, timeoutMs: 60_000, by: "syslog", facility: "local7" },
      to: { transport: "tls", host: "::1", port: 6514 },
      tls: { ca: "/srv/ca.pem" },
    },
  ],
  [
    "takes a socket of syslog",
    { syslog: "unix:/dev/log" },
    { ...common, by: "syslog", to: { transport: "unix", path: "/dev/log" }, facility: "daemon", tls: {} },
  ],
  [
    "adds the path of Loki, and hides who asks",
    { loki: "http://me:secret@loki:3100", labels: { env: "test" } },
    {
      ...{ ...common, ...http, by: "loki", url: "http://loki:3100/loki/api/v1/push", labels: { env: "test" } },
      headers: { Authorization: "Basic bWU6c2VjcmV0" },
    },
  ],
  ["leaves a path alone", { otlp: "https://o/x" }, { ...common, ...http, by: "otlp", url: "https://o/x" }],
  ["splits a command", { exec: "./ship.sh 'a b'" }, { ...common, by: "exec", command: ["sh", "./ship.sh", "a b"] }],
];

const refused: readonly (readonly [input: SinkInput, message: string])[] = [
  [{}, "this sink leads nowhere"],
  [{ journald: true, exec: "a" }, "`journald` and `exec` exclude each other"],
  [{ exec: "a", facility: "user" }, "`facility` is for `syslog`, and this is `exec`"],
  [{ syslog: "tcp://a", cert: "c.pem" }, "`cert` and `key` belong together"],
  [{ syslog: "udp://a:514" }, 'cannot send to "udp://a:514"'],
  [{ syslog: "tcp://a:70000" }, 'cannot send to "tcp://a:70000"'],
  [{ loki: "http://[" }, '"http://[" is no URL'],
];

describe("a sink", () => {
  for (const [title, input, expected] of taken) {
    it(title, () => assert.deepEqual(normalise({ a: input }), { to: [expected], messages: [] }));
  }

  for (const [input, message] of refused) {
    it(`is refused: ${message}`, () => assert.deepEqual(normalise({ a: input }).messages, [message]));
  }

  it("has a name that can be a file's", () => {
    assert.deepEqual(normalise({ "../a": "journald" }).messages, ['a sink cannot be named "../a"']);
  });

  it("leaves no trace when there is none", () => {
    assert.deepEqual([normalise({}), normalise(undefined)], [{ messages: [] }, { messages: [] }]);
  });
});

function normalise(input: Readonly<Record<string, SinkInput>> | undefined) {
  const problems: Problem[] = [];
  const document = { file: "/srv/lares.yaml", text: "", value: {}, locate: () => undefined };
  const context = { document, path: ["services", "web"], directory: "/srv", cores: 1, fileEnv: {}, problems };
  return { ...normaliseSinks(input, context), messages: problems.map(({ message }) => message) };
}

/** Each sink against another side of its protocol. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { SinkSpec } from "../../src/core/sink.ts";
import { openSink } from "../../src/forward/sinks/open-sink.ts";
import { Refused, type Sink } from "../../src/forward/sinks/sink.ts";
import { closeFd } from "../../src/os/descriptors.ts";
import { datagramServer, entries, httpServer, syslogServer, temporary } from "./forward-fixtures/peers.ts";

const common = { name: "there", from: "oldest", delayMs: 0, timeoutMs: 5000 } as const;
const service = { service: "api", sinks: [], directory: "/", env: { GREETING: "hello" } };
const http = { headers: { "X-Scope-OrgID": "shop" }, labels: { env: "test" }, tls: {} };

async function sinkTo(target: object): Promise<Sink> {
  return openSink({ ...common, ...target } as SinkSpec, service);
}

function deliver(sink: Sink, texts: readonly string[], timeoutMs = 60_000) {
  return sink.deliver(entries(...texts), AbortSignal.timeout(timeoutMs)).finally(() => sink.close());
}

test("syslog over TCP frames each line as RFC 5424 by its length", async () => {
  await using server = await syslogServer({ host: "127.0.0.1", port: 0 });
  const to = { transport: "tcp", host: "127.0.0.1", port: server.port };
  const sink = await sinkTo({ by: "syslog", to, facility: "local0", tls: {} });
  await deliver(sink, ["grüße", '{"level":50,"msg":"bad"}', ""]);
  const [first, second, third] = server.messages;
  assert.match(first ?? "", /^<134>1 2026-11-22T10:00:00\.123000Z \S+ api 0\.3 stdout - grüße$/);
  assert.match(second ?? "", /^<131>1 .* - \{"level":50,"msg":"bad"\}$/);
  assert.match(third ?? "", / - $/);
});

test("a connection that is reset after the bytes were sent has delivered nothing", async () => {
  await using server = await syslogServer({ host: "127.0.0.1", port: 0 }, { breaks: () => true });
  const to = { transport: "tcp", host: "127.0.0.1", port: server.port };
  await assert.rejects(deliver(await sinkTo({ by: "syslog", to, facility: "daemon", tls: {} }), ["x"]));
});

test("syslog over TLS trusts only what it is told to, and shows its own certificate", async () => {
  using directory = temporary();
  const [key, cert] = certificate(directory.path);
  const tls = { key: readFileSync(key), cert: readFileSync(cert), ca: readFileSync(cert), requestCert: true };
  await using server = await syslogServer({ host: "127.0.0.1", port: 0 }, { tls });
  const to = { transport: "tls", host: "localhost", port: server.port };
  await deliver(await sinkTo({ by: "syslog", to, facility: "daemon", tls: { ca: cert, cert, key } }), ["secret"]);
  assert.match(server.messages[0] ?? "", / - secret$/);
  const stranger = await sinkTo({ by: "syslog", to, facility: "daemon", tls: {} });
  await assert.rejects(deliver(stranger, ["x"]), /self-signed certificate/);
  const silent = await sinkTo({ by: "syslog", to, facility: "daemon", tls: { ca: cert } });
  await assert.rejects(deliver(silent, ["x"]));
});

test("syslog over a Unix socket takes datagrams, and waits while the queue is full", async () => {
  using directory = temporary();
  const path = join(directory.path, "log");
  using server = datagramServer(path);
  const sink = await sinkTo({ by: "syslog", to: { transport: "unix", path }, facility: "daemon", tls: {} });
  const texts = Array.from({ length: 1000 }, (_, index) => `line ${index}`);
  const delivering = deliver(sink, [...texts, "ü".repeat(100_000)]);
  server.read();
  await delivering;
  await until(() => server.received.length === 1001);
  assert.ok(texts.every((text, index) => server.received[index]?.text.endsWith(` - ${text}`)));
  assert.match(server.received[1000]?.text ?? "", /[^�]ü … \[cut by lares: it has 2000\d\d bytes\]$/);
});

test("a full queue that nobody empties fails in the end", async () => {
  using directory = temporary();
  const path = join(directory.path, "log");
  using _server = datagramServer(path);
  const sink = await sinkTo({ by: "syslog", to: { transport: "unix", path }, facility: "daemon", tls: {} });
  await assert.rejects(deliver(sink, Array(1000).fill("x"), 100), /stayed full/);
});

test("syslog over a Unix socket falls back to a stream", async () => {
  using directory = temporary();
  const path = join(directory.path, "log");
  await using server = await syslogServer({ path });
  await deliver(await sinkTo({ by: "syslog", to: { transport: "unix", path }, facility: "daemon", tls: {} }), ["x"]);
  assert.match(server.messages[0] ?? "", / - x$/);
});

test("journald gets fields, and what is too large for a datagram in sealed memory", async () => {
  using directory = temporary();
  const path = join(directory.path, "journal");
  using server = datagramServer(path);
  server.read();
  const large = "x".repeat(1024 * 1024);
  await deliver(await sinkTo({ by: "journald", path }), ["small", large]);
  await until(() => server.received.length === 2);
  const [first, second] = server.received;
  assert.match(first?.text ?? "", /^MESSAGE=small\nPRIORITY=6\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=api\n/);
  assert.match(
    first?.text ?? "",
    /LARES_SLOT=0\nLARES_GENERATION=3\nLARES_STREAM=stdout\nLARES_TIME=2026-11-22T10:00:00/,
  );
  const fd = second?.fds[0] ?? -1;
  const memory = `/proc/self/fd/${fd}`;
  assert.ok(readFileSync(memory, "utf8").startsWith(`MESSAGE=${large}\nPRIORITY=6\n`));
  assert.throws(() => writeFileSync(memory, "changed", { flag: "r+" }), "it is sealed");
  closeFd(fd);
});

test("Loki gets streams with labels, and times that tell lines of one moment apart", async () => {
  await using server = await httpServer(() => ({ status: 204 }));
  await deliver(await sinkTo({ by: "loki", url: `${server.url}/loki/api/v1/push`, ...http }), ["a", "a"]);
  const [posted] = server.taken;
  assert.equal(posted?.headers["x-scope-orgid"], "shop");
  const { streams } = (posted?.body ?? {}) as { streams: { stream: Record<string, string>; values: string[][] }[] };
  assert.deepEqual(
    { ...streams[0]?.stream, host: "" },
    { host: "", env: "test", service: "api", slot: "0", stream: "stdout" },
  );
  const values = [
    ["1795341600123000000", "a"],
    ["1795341600123000001", "a"],
  ];
  assert.deepEqual(streams[0]?.values, values);
});

test("an HTTP answer tells apart what to try again and what is refused", async () => {
  for (const [status, isRefused] of [
    [400, true],
    [413, true],
    [429, false],
    [401, false],
    [503, false],
  ] as const) {
    await using server = await httpServer(() => ({ status, body: "no" }));
    const sink = await sinkTo({ by: "loki", url: server.url, ...http });
    await assert.rejects(deliver(sink, ["x"]), (error: Error) => {
      assert.match(error.message, new RegExp(`${status}: no`));
      return error instanceof Refused === isRefused;
    });
  }
});

test("OTLP gets records with a resource, a severity and a stream, and says how many it would not have", async () => {
  const partial = '{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"too old"}}';
  await using server = await httpServer(() => ({ status: 200, body: partial }));
  const sink = await sinkTo({ by: "otlp", url: `${server.url}/v1/logs`, ...http });
  const refusal = await deliver(sink, ['{"level":"warn","msg":"hm"}', "plain"]);
  assert.deepEqual(refusal, { lines: 1, reason: "too old" });
  assert.equal(server.taken[0]?.headers["x-scope-orgid"], "shop");
  const text = JSON.stringify(server.taken[0]?.body);
  assert.match(text, /"key":"service\.name","value":\{"stringValue":"api"\}/);
  assert.match(text, /"key":"env","value":\{"stringValue":"test"\}/);
  assert.match(text, /"timeUnixNano":"1795341600123000000".*"severityNumber":13,"severityText":"WARN"/);
  assert.match(text, /"body":\{"stringValue":"plain"\}.*"key":"log\.iostream","value":\{"stringValue":"stdout"\}/);
});

test("OTLP that is refused, or not there, says so", async () => {
  await using server = await httpServer(() => ({ status: 400, body: "no" }));
  await assert.rejects(deliver(await sinkTo({ by: "otlp", url: server.url, ...http }), ["x"]), Refused);
  const nobody = await sinkTo({ by: "otlp", url: "http://127.0.0.1:1/v1/logs", ...http, timeoutMs: 500 });
  await assert.rejects(deliver(nobody, ["x"]), (error: Error) => !(error instanceof Refused));
});

test("a command reads the batch as NDJSON, with the service's environment", async () => {
  using directory = temporary();
  const path = join(directory.path, "got");
  const command = ["/bin/sh", "-c", `{ cat; echo "$GREETING $LARES_SERVICE $LARES_SINK"; } >${path}`];
  await deliver(await sinkTo({ by: "exec", command }), ["a", "b"]);
  const [first, second, third] = readFileSync(path, "utf8").split("\n");
  const line = { time: "2026-11-22T10:00:00.123Z", service: "api", slot: 0, stream: "stdout", line: "a" };
  assert.deepEqual(JSON.parse(first ?? ""), line);
  assert.deepEqual(JSON.parse(second ?? ""), { ...line, line: "b" });
  assert.equal(third, "hello api there");
});

test("a command that fails, is not there, does not read or hangs has delivered nothing", async () => {
  const large = "x".repeat(1024 * 1024);
  const cases = [
    [["/bin/sh", "-c", "cat >/dev/null; echo no room >&2; exit 3"], /status 3 no room/],
    [["/nowhere"], /ENOENT/],
    [["/bin/true"], /before it had read everything/],
    [["/bin/sh", "-c", "sleep 1000 & wait"], /too long/],
  ] as const;
  for (const [command, expected] of cases) {
    await assert.rejects(deliver(await sinkTo({ by: "exec", command }), [large], 500), expected);
  }
});

function certificate(directory: string): [key: string, cert: string] {
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const options = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  execFileSync("openssl", ["req", ...options, ...subject, "-keyout", key, "-out", cert], { stdio: "ignore" });
  return [key, cert];
}

async function until(holds: () => boolean): Promise<void> {
  for (const deadlineMs = performance.now() + 60_000; !holds(); ) {
    assert.ok(performance.now() < deadlineMs, "waited in vain");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

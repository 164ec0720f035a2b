import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import { json, text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { Listeners } from "../listeners.ts";
import { createMetrics } from "./create-metrics.ts";

interface Received {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly body: unknown;
}

async function collector(context: TestContext): Promise<{ base: string; received: Received[] }> {
  const received: Received[] = [];
  const server = createServer(async (request: IncomingMessage, response) => {
    const body = request.headers["content-type"] === "application/json" ? await json(request) : await text(request);
    received.push({ method: request.method, url: request.url, body });
    response.end();
  });
  const listeners = new Listeners({});
  const address = await listeners.listen(server, { port: 0, host: "127.0.0.1" });
  context.after(() => listeners.drain({ idlePauseMs: 0 }));
  return { base: `http://${address}`, received };
}

test("own metrics and those of the process are written as OpenMetrics", async () => {
  await using metrics = await createMetrics({ labels: { region: "eu" } });
  metrics.counter({ name: "jobs_total", help: "Jobs" }).inc();
  metrics.gauge({ name: "queue_length", help: "Queue" }).set(3);
  const written = await metrics.text();
  assert.match(metrics.contentType, /openmetrics/);
  for (const name of ["process_cpu_seconds_total", "nodejs_eventloop_lag_p99_seconds", "nodejs_gc_duration_seconds"]) {
    assert.match(written, new RegExp(name));
  }
  assert.match(written, /^jobs_total\{region="eu"\} 1$/m);
  assert.match(written, /^queue_length\{region="eu"\} 3$/m);
  assert.match(written, /# EOF\n$/);
});

test("an instrumented server is measured by method and status, with its share of errors", async () => {
  await using metrics = await createMetrics({ process: false });
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/bad" ? 500 : 200;
    response.end();
  });
  metrics.instrument(server);
  const listeners = new Listeners({});
  const address = await listeners.listen(server, { port: 0, host: "127.0.0.1" });
  for (const path of ["/", "/", "/", "/bad"]) await fetch(`http://${address}${path}`);
  await listeners.drain({ idlePauseMs: 0 });
  const written = await metrics.text();
  assert.match(written, /duration_seconds_count\{http_request_method="GET",http_response_status_code="200"\} 3/);
  assert.match(written, /^http_server_error_ratio 0\.25$/m);
  assert.match(written, /^http_server_active_requests 0$/m);
});

test("metrics are pushed at the end, to a Pushgateway and as OTLP", async (context) => {
  const { base, received } = await collector(context);
  {
    await using metrics = await createMetrics({
      process: false,
      service: { name: "example", version: "1" },
      push: [
        { to: "pushgateway", url: base, job: "nightly" },
        { to: "otlp", url: `${base}/v1/metrics` },
      ],
    });
    metrics.counter({ name: "jobs_total", help: "Jobs" }).inc(2);
    metrics.histogram({ name: "size_bytes", help: "Size", buckets: [1, 10] }).observe(5);
  }
  const pushed = received.find(({ url }) => url?.startsWith("/metrics/job/nightly"));
  assert.equal(pushed?.method, "PUT");
  assert.match(String(pushed?.body), /jobs_total 2/);
  const body = JSON.stringify(received.find(({ url }) => url === "/v1/metrics")?.body);
  assert.match(body, /"service.name","value":\{"stringValue":"example"\}/);
  assert.match(body, /"isMonotonic":true,"dataPoints":\[\{[^}]*"asDouble":2/);
  assert.match(body, /"count":"1","sum":5,"explicitBounds":\[1,10\],"bucketCounts":\["0","1","0"\]/);
});

test("a push that fails is reported and does no harm", async () => {
  const errors: string[] = [];
  await using metrics = await createMetrics({
    process: false,
    push: [{ to: "otlp", url: "http://127.0.0.1:1/v1/metrics" }],
    onPushError: ({ message }) => errors.push(message),
  });
  await metrics.push();
  assert.match(errors[0] ?? "", /^Cannot push metrics to "http:\/\/127\.0\.0\.1:1\/v1\/metrics": /);
});

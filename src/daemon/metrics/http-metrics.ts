/** What an HTTP server does, in the names of OpenTelemetry's semantic conventions. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { DrainableServer } from "../drain.ts";
import type { Metrics } from "./types.ts";

/** Seconds; the boundaries that the conventions advise. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const windowSeconds = 60;

/** Methods that anybody can invent would be labels without end. */
const knownMethods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"]);

const instruments = new WeakMap<Metrics, (server: DrainableServer) => void>();

/** Measures a server; several servers share the same metrics. */
export function instrumentHttp(metrics: Metrics, server: DrainableServer): void {
  let instrument = instruments.get(metrics);
  if (!instrument) {
    instrument = createInstrument(metrics);
    instruments.set(metrics, instrument);
  }
  instrument(server);
}

function createInstrument(metrics: Metrics): (server: DrainableServer) => void {
  const window = new ErrorWindow();
  const duration = metrics.histogram({
    name: "http_server_request_duration_seconds",
    help: "Time from the first byte of a request to the last byte of its answer",
    labelNames: ["http_request_method", "http_response_status_code"],
    buckets,
  });
  const active = metrics.gauge({ name: "http_server_active_requests", help: "Requests being answered" });
  metrics.gauge({
    name: "http_server_error_ratio",
    help: `Share of answers of the last ${windowSeconds} seconds with a status from 500 on`,
    collect() {
      this.set(window.ratio());
    },
  });
  return (server) => {
    server.prependListener("request", (request: IncomingMessage, response: ServerResponse) => {
      const began = performance.now();
      active.inc();
      response.once("close", () => {
        active.dec();
        // Nobody got an answer: the status that nginx gives to a client that went away.
        const status = response.writableFinished ? response.statusCode : 499;
        const method = knownMethods.has(request.method ?? "") ? (request.method ?? "") : "_OTHER";
        const labels = { http_request_method: method, http_response_status_code: String(status) };
        duration.observe(labels, (performance.now() - began) / 1000);
        window.count(status >= 500);
      });
    });
  };
}

/** Counts by the second, for the last minute. */
class ErrorWindow {
  readonly #seconds = Array.from({ length: windowSeconds }, () => ({ second: -1, all: 0, errors: 0 }));

  count(isError: boolean): void {
    const second = Math.floor(performance.now() / 1000);
    const slot = this.#seconds[second % windowSeconds];
    if (!slot) return;
    if (slot.second !== second) Object.assign(slot, { second, all: 0, errors: 0 });
    slot.all += 1;
    if (isError) slot.errors += 1;
  }

  ratio(): number {
    const oldest = Math.floor(performance.now() / 1000) - windowSeconds;
    const slots = this.#seconds.filter(({ second }) => second > oldest);
    const all = slots.reduce((sum, slot) => sum + slot.all, 0);
    return all === 0 ? 0 : slots.reduce((sum, slot) => sum + slot.errors, 0) / all;
  }
}

import { hostname } from "node:os";
import type { SinkSpec } from "../../core/sink.ts";
import type { Entry } from "../backlog.ts";
import { Poster } from "./http.ts";
import type { Sink } from "./sink.ts";

type LokiSpec = SinkSpec & { readonly by: "loki" };

interface LokiStream {
  readonly stream: Readonly<Record<string, string>>;
  readonly values: (readonly [timeNs: string, line: string])[];
}

/** Grafana Loki's push API, in JSON (https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs). */
export class LokiSink implements Sink {
  readonly #labels: Readonly<Record<string, string>>;
  readonly #poster: Poster;

  constructor(spec: LokiSpec) {
    this.#labels = { host: hostname(), ...spec.labels };
    this.#poster = new Poster(spec);
  }

  /** A line that comes twice has the same time both times: Loki keeps one of them. */
  async deliver(entries: readonly Entry[], signal: AbortSignal): Promise<undefined> {
    const streams = new Map<string, LokiStream>();
    for (const { service, slot, stream, timeNs, text } of entries) {
      const name = `${slot}.${stream}`;
      const labels = { ...this.#labels, service, slot: String(slot), stream };
      const known: LokiStream = streams.get(name) ?? { stream: labels, values: [] };
      streams.set(name, known);
      known.values.push([String(timeNs), text]);
    }
    await this.#poster.post(Buffer.from(JSON.stringify({ streams: [...streams.values()] })), signal);
  }

  close(): void {
    this.#poster.close();
  }
}

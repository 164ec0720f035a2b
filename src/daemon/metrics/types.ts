/** What metrics are to the rest of a program. */
import type * as Client from "@prometheus-io/client";
import type { DrainableServer } from "../drain.ts";

/** Where metrics are sent on an interval, and once more at the end. */
export type PushTarget = { readonly intervalMs?: number; readonly headers?: Readonly<Record<string, string>> } & (
  | { readonly to: "pushgateway"; readonly url: string; readonly job: string }
  /** OTLP over HTTP in JSON: the whole address, ending in `/v1/metrics`. */
  | { readonly to: "otlp"; readonly url: string }
);

export interface MetricsOptions {
  /** Metrics of process, event loop and garbage collector. Default true. */
  readonly process?: boolean;
  /** Labels of every metric. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly push?: readonly PushTarget[];
  /** `service.name` for OTLP. */
  readonly service?: { readonly name: string; readonly version?: string };
  /** Told when a push fails; the next one is tried all the same. */
  readonly onPushError?: (error: Error) => void;
}

type Configuration<Kind> = Omit<Kind, "registers">;

/** The metrics of one program. Made by `createMetrics`. */
export interface Metrics extends AsyncDisposable {
  readonly contentType: string;
  /** All metrics as OpenMetrics text. */
  text(): Promise<string>;
  counter<Label extends string>(options: Configuration<Client.CounterConfiguration<Label>>): Client.Counter<Label>;
  gauge<Label extends string>(options: Configuration<Client.GaugeConfiguration<Label>>): Client.Gauge<Label>;
  histogram<Label extends string>(
    options: Configuration<Client.HistogramConfiguration<Label>>,
  ): Client.Histogram<Label>;
  /** Measures an HTTP server: durations, active requests, share of errors. */
  instrument(server: DrainableServer): void;
  /** Sends to every push target now. */
  push(): Promise<void>;
}

/** Metrics on the official Prometheus client, named by the conventions of Prometheus and OpenTelemetry. */
import { createRequire } from "node:module";
import type * as Client from "@prometheus-io/client";
import { instrumentHttp } from "./http-metrics.ts";
import { Pusher } from "./push.ts";
import type { Metrics, MetricsOptions } from "./types.ts";

/** Loaded by `createMetrics` only. */
export function openMetrics(options: MetricsOptions): Metrics {
  const client = createRequire(import.meta.url)("@prometheus-io/client") as typeof Client;
  const registry = new client.Registry<Client.OpenMetricsContentType>(client.openMetricsContentType);
  if (options.labels) registry.setDefaultLabels(options.labels);
  if (options.process ?? true) client.collectDefaultMetrics({ register: registry });
  const pusher = new Pusher({ client, registry, options });
  const registers = [registry];
  const metrics: Metrics = {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    counter: (configuration) => new client.Counter({ ...configuration, registers }),
    gauge: (configuration) => new client.Gauge({ ...configuration, registers }),
    histogram: (configuration) => new client.Histogram({ ...configuration, registers }),
    instrument: (server) => instrumentHttp(metrics, server),
    push: () => pusher.push(),
    async [Symbol.asyncDispose]() {
      await pusher.end();
      registry.clear();
    },
  };
  return metrics;
}

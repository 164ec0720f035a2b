/** The client's metrics as an OTLP/HTTP export request in JSON (opentelemetry-proto, metrics/v1). */

interface ClientValue {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly metricName?: string;
}

interface ClientMetric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly ClientValue[];
}

/** AGGREGATION_TEMPORALITY_CUMULATIVE */
const cumulative = 2;
const startNano = nano(Date.now() - performance.now());

/** @returns the body of `POST /v1/metrics`. */
export function toOtlp(metrics: readonly unknown[], service: { name: string; version?: string } | undefined): object {
  const resource = { "service.name": service?.name ?? "unknown_service:node", "service.version": service?.version };
  const timeNano = nano(Date.now());
  return {
    resourceMetrics: [
      {
        resource: { attributes: attributes(resource) },
        scopeMetrics: [
          { scope: { name: "lares" }, metrics: (metrics as ClientMetric[]).map((metric) => convert(metric, timeNano)) },
        ],
      },
    ],
  };
}

function convert(metric: ClientMetric, timeNano: string): object {
  const { name, help: description, values } = metric;
  const point = ({ value, labels }: ClientValue) => ({
    attributes: attributes(labels),
    startTimeUnixNano: startNano,
    timeUnixNano: timeNano,
    asDouble: value,
  });
  switch (metric.type) {
    case "counter":
      return {
        name,
        description,
        sum: { aggregationTemporality: cumulative, isMonotonic: true, dataPoints: values.map(point) },
      };
    case "histogram":
      return {
        name,
        description,
        histogram: {
          aggregationTemporality: cumulative,
          dataPoints: group(values, "le").map((series) => histogramPoint(series, { name, timeNano })),
        },
      };
    case "summary":
      return {
        name,
        description,
        summary: {
          dataPoints: group(values, "quantile").map((series) => summaryPoint(series, { name, timeNano })),
        },
      };
    default:
      return { name, description, gauge: { dataPoints: values.map(point) } };
  }
}

function histogramPoint(series: readonly ClientValue[], about: { name: string; timeNano: string }): object {
  const bounded = series.filter(({ labels }) => labels.le !== undefined && labels.le !== "+Inf");
  const count = figureOf(series, `${about.name}_count`);
  // Prometheus counts everything up to a bound, OTLP what lies between two.
  const totals = [...bounded.map(({ value }) => value), count];
  return {
    ...common(series, { without: "le", timeNano: about.timeNano }),
    count: String(count),
    sum: figureOf(series, `${about.name}_sum`),
    explicitBounds: bounded.map(({ labels }) => Number(labels.le)),
    bucketCounts: totals.map((total, index) => String(total - (totals[index - 1] ?? 0))),
  };
}

function summaryPoint(series: readonly ClientValue[], about: { name: string; timeNano: string }): object {
  return {
    ...common(series, { without: "quantile", timeNano: about.timeNano }),
    count: String(figureOf(series, `${about.name}_count`)),
    sum: figureOf(series, `${about.name}_sum`),
    quantileValues: series
      .filter(({ labels }) => labels.quantile !== undefined)
      .map(({ labels, value }) => ({ quantile: Number(labels.quantile), value })),
  };
}

function common(series: readonly ClientValue[], about: { without: string; timeNano: string }): object {
  const { [about.without]: _, ...labels } = series[0]?.labels ?? {};
  return { attributes: attributes(labels), startTimeUnixNano: startNano, timeUnixNano: about.timeNano };
}

/** All values that differ only in one label. */
function group(values: readonly ClientValue[], without: string): ClientValue[][] {
  const series = Map.groupBy(values, ({ labels }) => {
    const { [without]: _, ...rest } = labels;
    return JSON.stringify(rest);
  });
  return [...series.values()];
}

function figureOf(series: readonly ClientValue[], name: string): number {
  return series.find(({ metricName }) => metricName === name)?.value ?? 0;
}

function attributes(values: Readonly<Record<string, string | number | undefined>>): object[] {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ({ key, value: { stringValue: String(value) } }));
}

function nano(ms: number): string {
  return String(BigInt(Math.round(ms)) * 1_000_000n);
}

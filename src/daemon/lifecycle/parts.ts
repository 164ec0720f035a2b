/** The parts of a running daemon, opened in order; what is opened is closed again when a later one fails. */
import type { Configuration } from "../config/configuration.ts";
import type { Snapshot } from "../config/snapshot.ts";
import type { DaemonDefinition, FromConfig } from "../definition.ts";
import { createHealthServer } from "../health/endpoints.ts";
import { Health } from "../health/health.ts";
import { Listeners } from "../listeners.ts";
import { createLogger, type LogHandle } from "../log/create-logger.ts";
import type { Metrics } from "../metrics/create-metrics.ts";
import type { Notifier } from "../notifier.ts";
import { Closers } from "./closers.ts";

/** The listener of the health endpoints: the last to be closed. */
export const healthListener = "health";

export interface Parts<Config> {
  readonly definition: DaemonDefinition<Config>;
  readonly configuration: Configuration<Config>;
  readonly notifier: Notifier;
  readonly logger: LogHandle;
  readonly health: Health;
  readonly listeners: Listeners;
  readonly closers: Closers;
  readonly addresses: string[];
  metrics(): Promise<Metrics>;
  /** Undefined until somebody has asked for them. */
  loadedMetrics(): Metrics | undefined;
}

/** The value, asked of the configuration if it depends on that. */
export function fromConfig<Config, Value>(
  value: FromConfig<Config, Value> | undefined,
  config: Snapshot<Config>,
): Value | undefined {
  return typeof value === "function" ? (value as (config: Snapshot<Config>) => Value)(config) : value;
}

export async function openParts<Config>(
  definition: DaemonDefinition<Config>,
  given: { configuration: Configuration<Config>; notifier: Notifier },
): Promise<Parts<Config>> {
  const { configuration, notifier } = given;
  const logger = await createLogger({
    name: definition.name,
    ...fromConfig(definition.log, configuration.current),
  });
  const health = new Health();
  let metrics: Promise<Metrics> | undefined;
  let loaded: Metrics | undefined;
  const parts: Parts<Config> = {
    definition,
    configuration,
    notifier,
    logger,
    health,
    listeners: new Listeners(),
    closers: new Closers(),
    addresses: [],
    metrics() {
      metrics ??= loadMetrics(parts).then((made) => {
        loaded = made;
        return made;
      });
      return metrics;
    },
    loadedMetrics: () => loaded,
  };
  await openEndpoints(parts);
  return parts;
}

async function openEndpoints<Config>(parts: Parts<Config>): Promise<void> {
  const { definition, configuration, health, listeners, addresses } = parts;
  if (definition.metrics) await parts.metrics();
  const where = fromConfig(definition.health, configuration.current);
  if (!where) return;
  const server = createHealthServer({ health, metrics: parts.loadedMetrics });
  const address = await listeners.listen(server, { name: healthListener, ...where });
  addresses.push(`${healthListener} ${address}`);
}

async function loadMetrics<Config>(parts: Parts<Config>): Promise<Metrics> {
  const { createMetrics } = await import("../metrics/create-metrics.ts");
  const { definition, configuration, logger } = parts;
  const options = fromConfig(definition.metrics, configuration.current);
  return createMetrics({
    service: { name: definition.name, ...(definition.version ? { version: definition.version } : {}) },
    onPushError: (error) => logger.log.warn({ err: error }, "metrics were not pushed"),
    ...(options === true ? {} : options),
  });
}

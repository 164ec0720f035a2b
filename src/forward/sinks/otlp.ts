import { AsyncLocalStorage } from "node:async_hooks";
import { hostname } from "node:os";
import { DiagLogLevel, diag } from "@opentelemetry/api";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import type { SinkSpec } from "../../core/sink.ts";
import { levelOfLine } from "../../logs/pretty.ts";
import type { Entry } from "../backlog.ts";
import { isRefusal } from "./http.ts";
import { type PartialRefusal, Refused, type Sink } from "./sink.ts";
import { tlsOptions } from "./tls.ts";

type OtlpSpec = SinkSpec & { readonly by: "otlp" };
type LogRecord = Parameters<OTLPLogExporter["export"]>[0][number];

/** The first number of each range (https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber). */
const severityNumbers = { TRACE: 1, DEBUG: 5, INFO: 9, WARN: 13, ERROR: 17, FATAL: 21 } as const;
const scope = { name: "lares" };

/** What the exporter says in passing while it exports; a refusal of some records is among it, and nowhere else. */
const passing = new AsyncLocalStorage<(message: string, detail: unknown) => void>();
const silent = () => {};
diag.setLogger(
  {
    ...{ error: silent, info: silent, debug: silent, verbose: silent },
    warn: (message, detail) => passing.getStore()?.(message, detail),
  },
  { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
);

/** OpenTelemetry's own exporter, with a record for each line. */
export class OtlpSink implements Sink {
  readonly #exporter: OTLPLogExporter;
  readonly #labels: Readonly<Record<string, string>>;
  /** By slot: records are grouped by the identity of their resource. */
  readonly #resources = new Map<number, LogRecord["resource"]>();

  constructor({ url, headers, labels, timeoutMs, tls }: OtlpSpec) {
    this.#labels = labels;
    this.#exporter = new OTLPLogExporter({
      url,
      headers: { ...headers },
      timeoutMillis: timeoutMs,
      httpAgentOptions: { keepAlive: true, ...tlsOptions(tls) },
    });
  }

  deliver(entries: readonly Entry[], signal: AbortSignal): Promise<PartialRefusal | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<PartialRefusal | undefined>();
    signal.addEventListener("abort", () => reject(new Error("it took too long")), { once: true });
    let partial: PartialRefusal | undefined;
    const note = (message: string, detail: unknown) => {
      partial = message.includes("Partial Success") ? partialRefusal(detail) : partial;
    };
    const records = entries.map((entry) => this.#record(entry));
    passing.run(note, () =>
      this.#exporter.export(records, ({ error, code }) => {
        if (code === 0) resolve(partial);
        else reject(failure(error));
      }),
    );
    return promise;
  }

  close(): void {
    void this.#exporter.shutdown().catch(silent);
  }

  #record(entry: Entry): LogRecord {
    const hrTime: [number, number] = [Number(entry.timeNs / 1_000_000_000n), Number(entry.timeNs % 1_000_000_000n)];
    const level = levelOfLine(entry.text);
    return {
      hrTime,
      hrTimeObserved: hrTime,
      ...(level !== undefined && { severityText: level, severityNumber: severityNumbers[level] }),
      body: entry.text,
      attributes: { "log.iostream": entry.stream, "lares.generation": entry.generation },
      resource: this.#resource(entry),
      instrumentationScope: scope,
      droppedAttributesCount: 0,
    };
  }

  #resource({ service, slot }: Entry): LogRecord["resource"] {
    const known = this.#resources.get(slot);
    if (known !== undefined) return known;
    const own = { "service.name": service, "service.instance.id": `${service}/${slot}`, "host.name": hostname() };
    const resource = resourceFromAttributes({ ...own, ...this.#labels });
    this.#resources.set(slot, resource);
    return resource;
  }
}

/** https://opentelemetry.io/docs/specs/otlp/#partial-success: the number is an int64, so perhaps text. */
function partialRefusal(detail: unknown): PartialRefusal | undefined {
  const { rejectedLogRecords, errorMessage } = JSON.parse(String(detail)) as Record<string, unknown>;
  const lines = Number(rejectedLogRecords ?? 0);
  return lines > 0 ? { lines, reason: String(errorMessage ?? "it did not say why") } : undefined;
}

function failure(error: Error | undefined): Error {
  const status = error !== undefined && "code" in error && typeof error.code === "number" ? error.code : undefined;
  if (status === undefined) return error ?? new Error("the exporter did not say what is wrong");
  const message = `it answered ${status}: ${error?.message}`;
  return isRefusal(status) ? new Refused(message) : new Error(message);
}

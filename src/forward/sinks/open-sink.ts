import { assertNever } from "../../core/errors.ts";
import type { SinkSpec } from "../../core/sink.ts";
import type { ForwardedService } from "../../protocol/forward.ts";
import type { Sink } from "./sink.ts";

/** Makes the sink of a spec, loading only what that one needs. Connects to nothing yet. */
export async function openSink(spec: SinkSpec, service: ForwardedService): Promise<Sink> {
  switch (spec.by) {
    case "journald":
      return new (await import("./journald.ts")).JournaldSink(spec);
    case "syslog":
      return new (await import("./syslog.ts")).SyslogSink(spec);
    case "loki":
      return new (await import("./loki.ts")).LokiSink(spec);
    case "otlp":
      return new (await import("./otlp.ts")).OtlpSink(spec);
    case "exec":
      return new (await import("./exec.ts")).ExecSink(spec, service);
    default:
      return assertNever(spec);
  }
}

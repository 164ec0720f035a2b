import * as z from "zod";
import { facilities } from "../core/sink.ts";
import { defaults } from "./defaults.ts";
import { command, duration, mapping, oneOf, someDuration, text } from "./schema-values.ts";

const httpUrl = text("a URL such as `http://loki:3100`").regex(
  /^https?:\/\/[^\s/]+/,
  "a URL such as `http://loki:3100`",
);
const texts = (expected: string) => z.record(z.string(), z.string("a string"), expected);

/** One entry of `log.to:`. */
export const sink = z.union(
  [
    z.literal("journald", "`journald`"),
    mapping("a mapping such as `{ syslog: tcp://logs.example.org:601 }`", {
      journald: z
        .union([z.literal(true, "`true`"), text("a socket")], "`true`, or the path of journald's socket")
        .optional()
        .describe(`Writes to the journal of systemd: \`true\`, or a path instead of \`${defaults.sink.journald}\`.`),
      syslog: text("an address such as `tls://logs.example.org:6514`")
        .optional()
        .describe("Sends RFC 5424 to `tcp://HOST:PORT`, `tls://HOST:PORT` or `unix:/dev/log`."),
      loki: httpUrl.optional().describe("Pushes to Grafana Loki. Without a path it is `/loki/api/v1/push`."),
      otlp: httpUrl
        .optional()
        .describe("Exports OpenTelemetry logs (OTLP/HTTP, JSON). Without a path it is `/v1/logs`."),
      exec: command
        .optional()
        .describe("Runs this command for each batch, which it reads as NDJSON. Status 0 says that it has it."),
      facility: z
        .enum(Object.keys(facilities) as [keyof typeof facilities], "a facility such as `local0`")
        .optional()
        .describe("For `syslog`.")
        .meta({ default: defaults.sink.facility, title: "facility" }),
      headers: texts("a mapping such as `{ X-Scope-OrgID: shop }`")
        .optional()
        .describe("For `loki` and `otlp`: further headers. Their values are never shown."),
      labels: texts("a mapping such as `{ env: production }`")
        .optional()
        .describe("For `loki`: further labels; for `otlp`: further resource attributes."),
      ca: text("a file name").optional().describe("Certificates to trust, in PEM, instead of the machine's."),
      cert: text("a file name").optional().describe("The certificate to show, in PEM."),
      key: text("a file name").optional().describe("The key of `cert`, in PEM."),
      from: oneOf("oldest", "now")
        .optional()
        .describe("Where it begins the first time: with all that is stored, or with what comes.")
        .meta({ default: defaults.sink.from }),
      delay: duration
        .optional()
        .describe("How long a line may wait for others to go with.")
        .meta({ default: defaults.sink.delay }),
      timeout: someDuration
        .optional()
        .describe("A delivery that takes longer has failed, and comes again.")
        .meta({ default: defaults.sink.timeout }),
    }),
  ],
  "`journald`, or a mapping such as `{ syslog: tcp://logs.example.org:601 }`",
);

import * as z from "zod";
import { defaults } from "./defaults.ts";
import { sink } from "./schema-sinks.ts";
import {
  account,
  command,
  duration,
  flag,
  integer,
  mapping,
  number,
  octal,
  oneOf,
  percent,
  rate,
  signal,
  size,
  someDuration,
  someSize,
  text,
} from "./schema-values.ts";

const httpUrl = text("a URL such as `http://127.0.0.1:8080/healthz`").regex(
  /^https?:\/\/[^\s/]+/,
  "a URL such as `http://127.0.0.1:8080/healthz`",
);
const tcpAddress = text("an address such as `127.0.0.1:5432`").regex(
  /^(?:\S+:\d{1,5}|unix:\S+)$/,
  "an address such as `127.0.0.1:5432`",
);

const probe = {
  http: httpUrl.optional().describe("Passes when a GET of this URL is answered with a status from 200 to 399."),
  tcp: tcpAddress.optional().describe("Passes when a connection to this `HOST:PORT` (or `unix:/path`) is accepted."),
  exec: command.optional().describe("Passes when this command ends with status 0."),
};

/** `ready:` */
export const ready = z.union(
  [
    text("a way of readiness").regex(
      /^(?:started|notify|listening|fd:\d+)$/,
      "one of `started`, `notify`, `listening`, `fd:3`",
    ),
    mapping("a way of readiness", {
      ...probe,
      started: z.literal(true, "`true`").optional().describe("Ready as soon as the program runs."),
      notify: z.literal(true, "`true`").optional().describe("Ready when it sends `READY=1` (sd_notify)."),
      listening: z
        .literal(true, "`true`")
        .optional()
        .describe(
          "Ready when it listens on a port or socket. A Node program that is passed one by `listen` is asked through the preload. What any other program is passed listens before it runs, so that this says nothing of it: `check` warns.",
        ),
      fd: integer("a file descriptor from 3 up", 3)
        .optional()
        .describe("Ready when it writes a newline to this descriptor (s6)."),
      log: text("a regular expression").optional().describe("Ready when a line of its output matches."),
      delay: duration.optional().describe("Ready after this time, if it still runs."),
      timeout: someDuration
        .optional()
        .describe("A start that takes longer has failed.")
        .meta({ default: defaults.readyTimeout }),
    }),
  ],
  "a way of readiness such as `notify`, `fd:3`, `{ http: URL }` or `{ notify: true, timeout: 1m }`",
);

/** `health:` */
export const health = mapping("a mapping such as `{ http: http://127.0.0.1:8080/healthz }`", {
  ...probe,
  watchdog: someDuration.optional().describe("The program must send `WATCHDOG=1` (sd_notify) at least this often."),
  initial_delay: withDefault(duration, defaults.health.initial_delay, "Wait after readiness before the first check."),
  interval: withDefault(someDuration, defaults.health.interval, "From one check to the next."),
  timeout: withDefault(
    someDuration,
    defaults.health.timeout,
    "A check that takes longer has failed. At most `interval`.",
  ),
  failures: withDefault(
    integer("a number from 1 up", 1),
    defaults.health.failures,
    "Failures in a row that make it `degraded`.",
  ),
  successes: withDefault(
    integer("a number from 1 up", 1),
    defaults.health.successes,
    "Successes in a row that make it `up` again.",
  ),
  then: withDefault(oneOf("restart", "report"), defaults.health.then, "What `degraded` leads to."),
});

/** `restart:` */
export const restart = mapping("a mapping such as `{ policy: on-failure }`", {
  policy: oneOf("always", "on-failure", "never")
    .optional()
    .describe("After which ends it is started again. Services: `always`; tasks: `never`."),
  delay: withDefault(
    duration,
    defaults.restart.delay,
    "Wait before the second restart in a row; the first is at once.",
  ),
  delay_max: withDefault(duration, defaults.restart.delay_max, "No delay is longer."),
  factor: withDefault(
    number("a number from 1 up", 1),
    defaults.restart.factor,
    "Each delay is this many times the one before.",
  ),
  jitter: withDefault(
    number("a share from 0 to 1", 0, 1),
    defaults.restart.jitter,
    "Delays vary by this share either way.",
  ),
  stable_after: withDefault(duration, defaults.restart.stable_after, "Ready for this long ends the row of failures."),
  intensity: withDefault(
    integer("a number from 1 up", 1),
    defaults.restart.intensity,
    "At most this many automatic restarts …",
  ),
  period: withDefault(someDuration, defaults.restart.period, "… in any window of this length."),
  then: withDefault(
    oneOf("fail", "slow"),
    defaults.restart.then,
    "Past the limit: stay `failed`, or try once every `period`.",
  ),
});

/** `stop:` */
export const stop = mapping("a mapping such as `{ signal: SIGINT, grace: 30s }`", {
  signal: withDefault(signal, defaults.stop.signal, "Asks the program to end."),
  grace: withDefault(duration, defaults.stop.grace, "After this its whole process group is killed."),
});

/** `reload:` */
export const reload = mapping("a mapping such as `{ style: rolling }`", {
  style: withDefault(
    oneOf("rolling", "signal", "restart"),
    defaults.reload.style,
    "`rolling`: successor first, one slot after the other; `signal`: the program reloads itself; `restart`: stop, then start.",
  ),
  settle: withDefault(
    duration,
    defaults.reload.settle,
    "A successor must stay ready this long before its predecessor stops.",
  ),
  parallel: withDefault(integer("a number from 1 up", 1), defaults.reload.parallel, "Slots replaced at the same time."),
  timeout: withDefault(someDuration, defaults.reload.timeout, "A whole reload that takes longer has failed."),
  on_failure: withDefault(
    oneOf("revert", "keep"),
    defaults.reload.on_failure,
    "What becomes of slots already replaced.",
  ),
  signal: withDefault(signal, defaults.reload.signal, "For `style: signal`."),
});

/** `limits:` */
export const limits = mapping("a mapping such as `{ memory: 512M }`", {
  memory: someSize.optional().describe("Above this the kernel kills it (cgroup `memory.max`)."),
  memory_soft: someSize.optional().describe("Above this the kernel slows it and takes memory back (`memory.high`)."),
  cpu: percent.optional().describe("Processor time; `150%` is one and a half processors (`cpu.max`)."),
  pids: integer("a number from 1 up", 1).optional().describe("Processes and threads (`pids.max`)."),
  files: integer("a number from 1 up", 1).optional().describe("Open file descriptors (RLIMIT_NOFILE)."),
  core: size.optional().describe("Size of a core dump (RLIMIT_CORE); `0` for none."),
});

/** `log:` */
export const log = mapping("a mapping such as `{ max_size: 50M }`", {
  max_size: withDefault(someSize, defaults.log.max_size, "A file that grows beyond is rotated."),
  max_age: withDefault(
    someDuration,
    defaults.log.max_age,
    "A file older than this is rotated, and a rotated one deleted.",
  ),
  keep: withDefault(integer("a number from 0 up", 0), defaults.log.keep, "Rotated files kept per stream."),
  total: withDefault(someSize, defaults.log.total, "All files of the service together."),
  compress: withDefault(oneOf("zstd", "none"), defaults.log.compress, "How rotated files are compressed."),
  when_full: withDefault(
    oneOf("drop", "block"),
    defaults.log.when_full,
    "On a full disk: `drop` output and count it, or `block` the program until there is room.",
  ),
  rate: rate.optional().describe("Output beyond this is treated as `when_full` says. Not limited by default."),
  to: z
    .record(z.string(), sink, "a mapping such as `{ journal: journald }`")
    .optional()
    .describe("Where its lines go besides the files, by name. Each is told every line at least once."),
});

/** `log:` beside `services:`. */
export const logOfAll = mapping("a mapping such as `{ total: 20G }`", {
  total: someSize
    .optional()
    .describe(
      "All log files together, also of services that are no more; the oldest rotated ones go first. Not limited by default.",
    ),
});

/** One entry of `listen:`. */
export const listener = z.union(
  [
    integer("a port or an address", 0, 65_535),
    text("a port or an address"),
    mapping('a mapping such as `{ address: unix:/run/api.sock, mode: "660" }`', {
      address: z
        .union([integer("a port", 0, 65_535), text("an address")], "an address such as `127.0.0.1:8080`")
        .describe("`[HOST:]PORT` or `unix:/path`. Without a host: every IPv4 address."),
      backlog: withDefault(
        integer("a number from 1 up", 1),
        defaults.backlog,
        "Connections that may wait to be accepted.",
      ),
      mode: octal.optional().describe("Unix sockets: octal file mode."),
      owner: account("user").optional().describe("Unix sockets: who owns the file."),
      group: account("group").optional().describe("Unix sockets: whose group it has."),
    }),
  ],
  "an address such as `127.0.0.1:8080` or `unix:/run/api.sock`",
);

/** `schedule:` */
export const schedule = z.union(
  [
    text('a cron expression such as `"0 3 * * *"`'),
    mapping("a schedule", {
      cron: text('a cron expression such as `"0 3 * * *"`').describe("Five fields, or six with seconds first."),
      timezone: text("a time zone such as `Europe/Berlin`")
        .optional()
        .describe("IANA name. The host's zone by default."),
      overlap: withDefault(flag, false, "Whether a run may begin while the one before still goes."),
    }),
  ],
  'a cron expression such as `"0 3 * * *"`, or `{ cron, timezone, overlap }`',
);

/** `on:` */
export const hooks = mapping("a mapping such as `{ failed: ./alert.sh }`", {
  ready: command.optional().describe("Run when an instance has become ready."),
  exit: command.optional().describe("Run when an instance has ended."),
  failed: command.optional().describe("Run when an instance has failed and will not be started again."),
});

function withDefault<Type extends z.ZodType>(type: Type, value: string | number | boolean, description: string) {
  return type.optional().describe(description).meta({ default: value });
}

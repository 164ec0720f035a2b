import * as z from "zod";
import { defaults } from "./defaults.ts";
import {
  health,
  hooks,
  limits,
  listener,
  log,
  logOfAll,
  ready,
  reload,
  restart,
  schedule,
  stop,
} from "./schema-parts.ts";
import { account, command, flag, integer, list, mapping, octal, oneOf, text } from "./schema-values.ts";

const instancesMax = 10_000;
const instances = `a number from 0 to ${instancesMax}, or \`max\``;

/** One entry under `services:` as users write it. */
export const serviceSchema = mapping("a mapping with at least a `command`", {
  command: command.describe(
    "The program. A string is split as a shell splits words, without a shell; a list is taken as it is. A script (`.js .mjs .cjs .ts .py .sh .php .rb .pl`) is run by its interpreter.",
  ),
  shell: flag.optional().describe("Run `command`, a string, by `/bin/sh -c`.").meta({ default: false }),
  interpreter: text("a program such as `python3`, or `none`")
    .optional()
    .describe("Runs `command` instead of what its extension says; `none` runs it directly."),
  directory: text("a directory")
    .optional()
    .describe("Working directory, relative to the configuration file's.")
    .meta({ default: "." }),
  env: z
    .record(
      z.string(),
      z.union([z.string(), z.number(), z.boolean()], "a string"),
      "a mapping such as `{ NODE_ENV: production }`",
    )
    .optional()
    .describe("Environment variables. Numbers, `true` and `false` are passed as they are written."),
  env_file: z
    .union([text("a file name"), list("a file name")], "a file name such as `.env`, or a list of them")
    .optional()
    .describe("Files of `NAME=value` lines; later ones win, and `env` wins over all."),
  user: account("user").optional().describe("Whom to run as. The supervisor's user by default."),
  group: account("group").optional().describe("Which group to run as. The user's own group by default."),
  umask: octal.optional().describe("File mode creation mask, octal."),
  nice: integer("a number from -20 to 19", -20, 19)
    .optional()
    .describe("Scheduling priority, from -20 (most favoured) to 19."),
  instances: z
    .union([integer(instances, 0, instancesMax), z.literal("max", instances)], instances)
    .optional()
    .describe("How many copies run; `max` is one per core.")
    .meta({ default: defaults.instances }),
  listen: z
    .record(z.string(), listener, "a mapping such as `{ http: 127.0.0.1:8080 }`")
    .optional()
    .describe("Sockets the supervisor opens and passes on (`LISTEN_FDS`, `LISTEN_FDNAMES`), by name."),
  balance: oneOf("even", "shared")
    .optional()
    .describe(
      "`even`: one socket per instance; `shared`: one for all. `even` by default for several instances on TCP.",
    ),
  ready: ready
    .optional()
    .describe(
      "How an instance is known to be ready. By default `started`; Node programs with `listen` are asked through the preload.",
    ),
  health: health.optional().describe("How an instance that is ready is known to work."),
  restart: restart.optional().describe("What happens when an instance ends by itself."),
  stop: stop.optional().describe("How an instance is stopped."),
  reload: reload.optional().describe("How instances are replaced by new ones."),
  limits: limits.optional().describe("What an instance may use. Nothing is limited by default."),
  log: log.optional().describe("Where its output goes, and for how long."),
  after: list("a list of services such as `[db]`")
    .optional()
    .describe(
      "Order only: this one starts once these are ready (tasks: completed), and no longer waits for those that have failed, have ended for good or are stopped.",
    ),
  requires: list("a list of services such as `[db]`")
    .optional()
    .describe(
      "As `after`, and this one does not run without them: while one of them has failed (also a task) or is stopped, it does not start, and stops if it runs.",
    ),
  kind: oneOf("service", "task")
    .optional()
    .describe("A `task` runs once and is then `completed`.")
    .meta({ default: "service" }),
  schedule: schedule.optional().describe("When to run a task, as a cron expression."),
  on: hooks.optional().describe("Commands run at moments of an instance's life."),
  register: flag
    .optional()
    .describe(
      "Whether Node programs are given the preload `lares/register` (inherited sockets, readiness, graceful stop).",
    )
    .meta({ default: true }),
});

/** The whole file as users write it. Further top-level keys may begin with `x-`; they are not looked at. */
export const configurationSchema = mapping("a mapping with `services`", {
  $schema: text("a URL").optional().describe("For editors: where the JSON Schema of this file is."),
  services: z.record(z.string(), serviceSchema, "a mapping from names to services").describe("The services by name."),
  log: logOfAll
    .optional()
    .describe(
      "For all services together. Its one key, `total`, is a size: beyond it the oldest rotated log files are deleted, also those of services that are no more. Not limited by default.",
    ),
  watch: flag.optional().describe("Apply this file again whenever it changes.").meta({ default: false }),
});

/** One service as users write it, checked. */
export type ServiceInput = z.infer<typeof serviceSchema>;

/** A file as users write it, checked. */
export type ConfigurationInput = z.infer<typeof configurationSchema>;

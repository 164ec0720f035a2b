import { LaresError } from "../core/errors.ts";
import type { ReadOptions } from "../logs/read.ts";
import { all, type Target } from "./names.ts";
import { timeOption } from "./units.ts";

/** The options of `lares logs`. */
export interface LogValues {
  readonly follow?: boolean;
  readonly lines?: string;
  readonly since?: string;
  readonly until?: string;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly grep?: string;
}

/** What is shown when neither a number nor a time is asked for: a screenful. */
const linesByDefault = 20;

/**
 * Turns the command line of `lares logs` into a query of the log files.
 *
 * @param from `directory` is the log directory of the home.
 * @throws LaresError `usage` for an option that cannot be read.
 */
export function logQuery(
  targets: readonly Target[],
  from: { readonly directory: string; readonly values: LogValues; readonly nowMs: number },
): ReadOptions {
  const { values, nowMs } = from;
  const { since, until, lines, grep } = values;
  const count = lines === undefined ? undefined : countOption(lines);
  const bounded = count ?? (since === undefined && until === undefined ? linesByDefault : undefined);
  return {
    directory: from.directory,
    ...selection(targets),
    ...(values.stdout === values.stderr ? {} : { streams: [values.stdout ? "stdout" : "stderr"] }),
    ...(since === undefined ? {} : { sinceMs: timeOption(since, { option: "--since", nowMs }) }),
    ...(until === undefined ? {} : { untilMs: timeOption(until, { option: "--until", nowMs }) }),
    ...(bounded === undefined ? {} : { lines: bounded }),
    ...(grep === undefined ? {} : { grep: grepOption(grep) }),
    follow: values.follow ?? false,
  };
}

/** Slots narrow the search only where they mean the same for every service named; the caller filters the rest. */
function selection(targets: readonly Target[]): Pick<ReadOptions, "services" | "slots"> {
  if (targets.length === 0 || targets.some(({ service }) => service === all)) return {};
  const slots = [...new Set(targets.map(({ slot }) => slot))];
  const [slot] = slots;
  return {
    services: [...new Set(targets.map(({ service }) => service))],
    ...(slots.length === 1 && slot !== undefined ? { slots: [slot] } : {}),
  };
}

function countOption(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new LaresError("usage", `Cannot read --lines "${text}": it is not a number`, {
    hint: "Write for example `-n 100`.",
  });
}

function grepOption(text: string): RegExp {
  try {
    return new RegExp(text, "u");
  } catch (cause) {
    throw new LaresError("usage", `Cannot read --grep "${text}": it is not a regular expression`, {
      hint: "Put a backslash before characters that are meant as they are.",
      cause,
    });
  }
}

/** The command line of a daemon. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { type ErrorCode, LaresError } from "../../core/errors.ts";
import { exitCodes } from "../exit-codes.ts";
import type { Program, VerbOptions } from "./program.ts";

const usage = (name: string) => `usage: ${name} [VERB] [OPTION…]

  run                 run in the foreground (also without a verb)
  start [--daemon]    start, with --daemon in the background: returns when it is ready
  stop                stop gracefully, and wait for the end
  restart             stop, then start in the background
  reload              read the configuration again, and wait for the outcome
  upgrade             replace the process by the present code without losing a connection
  status [--json]     say how it is; exits with 3 when it is not running
  install [--type notify|forking] [--user USER] [--print]
                      write a systemd unit

  --config FILE       instead of the usual configuration file
  --pid-file FILE     instead of the usual PID file
  --output FILE       where standard output and error go in the background
`;

/** @returns the exit code. */
export async function runVerb<Config>(daemon: Program<Config>, argv: readonly string[]): Promise<number> {
  const { name } = daemon.definition;
  try {
    const { verb, options, inBackground, help } = parse(daemon, argv);
    if (help) {
      process.stdout.write(usage(name));
      return exitCodes.done;
    }
    return await dispatch(daemon, { verb: verb === "start" && inBackground ? "launch" : verb, options });
  } catch (error) {
    process.stderr.write(describe(error));
    return exitCodeOf(error);
  }
}

async function dispatch<Config>(
  daemon: Program<Config>,
  call: { verb: string; options: VerbOptions },
): Promise<number> {
  const { verb, options } = call;
  switch (verb) {
    case "run":
    case "start":
      return (await import("./foreground.ts")).runInForeground(daemon, options);
    case "launch":
      return (await import("./launch.ts")).launch(daemon, options);
    case "install":
      return (await import("./install.ts")).install(daemon, options);
    case "stop":
    case "restart":
    case "reload":
    case "upgrade":
    case "status": {
      const control = await import("./control.ts");
      return control[verb](daemon, options);
    }
    default:
      throw new LaresError("usage", `Cannot ${verb}: there is no such verb`, {
        hint: `Run \`${daemon.definition.name} --help\`.`,
      });
  }
}

function parse<Config>(daemon: Program<Config>, argv: readonly string[]) {
  const { name, background } = daemon.definition;
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        daemon: { type: "boolean", short: "d", default: false },
        config: { type: "string" },
        "pid-file": { type: "string" },
        output: { type: "string" },
        type: { type: "string", default: "notify" },
        user: { type: "string" },
        json: { type: "boolean", default: false },
        print: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    const absolute = (path: string | undefined) => (path === undefined ? undefined : resolve(path));
    if (values.type !== "notify" && values.type !== "forking") throw new Error(`--type is "${values.type}"`);
    const options: VerbOptions = {
      configFile: absolute(values.config),
      pidFile: absolute(values["pid-file"]) ?? daemon.pidFilePath,
      pidFileNamed: values["pid-file"] !== undefined || background?.pidFile !== undefined,
      output: absolute(values.output),
      json: values.json,
      print: values.print,
      type: values.type,
      user: values.user,
    };
    return { verb: positionals[0] ?? "run", options, inBackground: values.daemon, help: values.help };
  } catch (cause) {
    throw new LaresError("usage", `Cannot understand the arguments: ${(cause as Error).message}`, {
      hint: `Run \`${name} --help\`.`,
      cause,
    });
  }
}

/** `error: …`, the causes, `hint: …`. A program's own errors come with their stacks. */
function describe(error: unknown): string {
  if (!(error instanceof LaresError)) return `error: ${error instanceof Error ? error.stack : String(error)}\n`;
  const hint = error.hint === undefined ? "" : `hint: ${error.hint}\n`;
  return `error: ${error.message}\n${hint}`;
}

function exitCodeOf(error: unknown): number {
  const codes: Partial<Record<ErrorCode, number>> = {
    usage: exitCodes.usage,
    invalid_configuration: exitCodes.configuration,
  };
  return (error instanceof LaresError ? codes[error.code] : undefined) ?? exitCodes.failed;
}

import { isDisconnected } from "../../client/errors.ts";
import { launchSupervisor, runSupervisor } from "../../client/launch.ts";
import { LaresError } from "../../core/errors.ts";
import type { ApplyRequest } from "../../protocol/api.ts";
import { applyAndWait } from "../apply-and-wait.ts";
import { type Context, defineCommand } from "../command.ts";
import { findConfiguration } from "../configuration.ts";
import { loadRequest } from "../load-specs.ts";
import { renderError } from "../report.ts";
import { resume } from "../resume.ts";
import { type Patience, patienceOf, waitOptions } from "../wait/finish.ts";

export const command = defineCommand({
  usage: "up [-f FILE] [--foreground] [--no-wait] [--timeout D]",
  description:
    "Starts the supervisor if none runs, applies the file, and waits until every service is ready.\n" +
    "Without a file, the supervisor starts again what ran before.",
  options: {
    file: {
      type: "string",
      short: "f",
      value: "FILE",
      help: "the configuration; else the home's lares.yaml, else ./lares.yaml",
    },
    foreground: { type: "boolean", help: "run the supervisor in the foreground, as in a container" },
    ...waitOptions,
  },
  examples: ["lares up", "lares up -f services.yaml --timeout 1m", "lares --home /srv/shop up --foreground"],
  operands: "files",
  async run(context, values) {
    const patience = patienceOf(values);
    const path = await findConfiguration(context.homes, {
      named: values.file ?? context.operands[0],
      directory: process.cwd(),
    });
    // An invalid file is refused before anything is started for it.
    const request = path === undefined ? undefined : await loadRequest(path, context);
    const running = await isRunning(context);
    if (!values.foreground) {
      if (!running) await launchSupervisor(context.homes);
      await bringUp(context, { request, patience, restored: !running });
      return 0;
    }
    if (running) {
      throw new LaresError("already_running", "Cannot run in the foreground: a supervisor runs already", {
        hint: "Apply the file with `lares up`, or end that supervisor with `lares down`.",
      });
    }
    return runInForeground(context, () => bringUp(context, { request, patience, restored: true }));
  },
});

async function isRunning({ client }: Context): Promise<boolean> {
  try {
    await client.supervisor();
    return true;
  } catch (error) {
    if (isDisconnected(error)) return false;
    throw error;
  }
}

/** A service that fails does not end the supervisor that is to restart it: the failure is only said. */
async function runInForeground(context: Context, bringUp: () => Promise<void>): Promise<number> {
  const color = process.stderr.isTTY === true && context.terminal.color;
  const code = await runSupervisor(context.homes, {
    onReady: () => void bringUp().catch((error) => process.stderr.write(renderError(error, { color }))),
  });
  // Without this, a wait that had not ended would hold on for the ten seconds it gives a supervisor to come back.
  process.exit(code);
}

async function bringUp(
  context: Context,
  what: { readonly request: ApplyRequest | undefined; readonly patience: Patience; readonly restored: boolean },
): Promise<void> {
  if (what.request === undefined) await resume(context, what);
  else await applyAndWait(context, what.request, what.patience);
}

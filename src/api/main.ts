/**
 * The supervisor process: the supervisor and its API, as a keeper starts it.
 *
 * `node supervisor.js [--home DIR] [--foreground] --store A,B`
 */
import { existsSync, unlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { LaresError } from "../core/errors.ts";
import { otherRunsCode } from "../protocol/supervisor-exit.ts";
import { version } from "../protocol/version.ts";
import { type HomeFiles, openHome } from "../supervisor/home.ts";
import {
  becomeKeeper,
  cannotRunCode,
  endWith,
  finishedCode,
  keeperImage,
  startAgainCode,
} from "../supervisor/keeper.ts";
import { watchKeeper } from "../supervisor/keeper-watch.ts";
import { saveProgram } from "../supervisor/program-copy.ts";
import { Supervisor } from "../supervisor/supervisor.ts";
import { warmUp } from "../supervisor/warm-up.ts";
import { serveApi } from "./server.ts";

/** When those who wait for this supervisor have had their answers. */
const warmUpAfterMs = 300;

const { values } = parseArgs({
  options: {
    home: { type: "string" },
    foreground: { type: "boolean" },
    store: { type: "string" },
    keeper: { type: "string" },
    end: { type: "boolean" },
  },
});

try {
  await run();
} catch (error) {
  if (!(error instanceof LaresError)) throw error;
  process.stderr.write(`error: ${error.message}\n${error.hint ? `hint: ${error.hint}\n` : ""}`);
  if (error.code === "already_running") process.exit(otherRunsCode);
  // What cannot be done just now (no descriptors, no memory) is tried again; services that run depend on it.
  const somethingRuns = existsSync(openHome(values.home).journal);
  process.exit(somethingRuns ? 1 : cannotRunCode);
}

async function run(): Promise<void> {
  const files = openHome(values.home);
  const [park = -1, back = -1] = (values.store ?? "").split(",").map(Number);
  const store = [park, back] as const;
  const supervisor = new Supervisor({
    files,
    store,
    version,
    registerPath: registerPath(),
    forwarderPath: fileURLToPath(
      new URL(import.meta.url.endsWith(".ts") ? "../forward/main.ts" : "./forwarder.js", import.meta.url),
    ),
    onFinished: () =>
      void supervisor.forwarding.finish().then(() => setImmediate(() => finish(supervisor, { files, closeApi }))),
    applyCommand,
    onStartAgain: () => setImmediate(() => leave(supervisor, startAgainCode)),
  });
  let closeApi = () => {};
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => supervisor.command({ type: "command", command: "end" }));
  }
  process.on("SIGHUP", () => supervisor.reloadConfiguration());
  process.on("SIGUSR1", () => supervisor.outputs.captures.reopen());
  watchKeeper(Number(values.keeper), () => {
    supervisor.engine.record({ type: "keeper_lost", cause: "this process becomes the keeper of the next supervisor" });
    supervisor.close();
    becomeKeeper(keeperImage({ files, store, foreground: values.foreground === true, main: mainProgram() }));
  });
  supervisor.recover();
  closeApi = await serveApi(supervisor, files.homes.socket);
  // The one before was told to, and died before it could.
  if (values.end) supervisor.command({ type: "command", command: "end" });
  setTimeout(() => warmUp(version), warmUpAfterMs).unref();
  saveProgram(files, mainProgram(), (sentence) => supervisor.problem(sentence));
}

/** The next one takes over what this one leaves behind. */
function leave(supervisor: Supervisor, code: number): void {
  supervisor.close();
  endWith(code);
}

function applyCommand(file: string): { program: string; args: string[] } {
  const source = import.meta.url.endsWith(".ts");
  const cli = fileURLToPath(new URL(source ? "../cli/entry.js" : "./cli.cjs", import.meta.url));
  const home = values.home === undefined ? [] : ["--home", values.home];
  return { program: process.execPath, args: [cli, "apply", "--file", file, "--no-wait", ...home] };
}

function mainProgram(): string {
  return fileURLToPath(import.meta.url);
}

/** Everything is down: nothing of the supervisor is left, and the keeper ends with it. */
function finish(supervisor: Supervisor, { files, closeApi }: { files: HomeFiles; closeApi: () => void }): void {
  supervisor.engine.record({ type: "supervisor_stopped" });
  supervisor.close();
  closeApi();
  for (const path of [
    files.journal,
    files.pidFile,
    files.keeperPidFile,
    files.listeners,
    files.mark,
    files.sharedNotify,
    files.lock,
  ]) {
    try {
      unlinkSync(path);
    } catch {
      // It was not there.
    }
  }
  endWith(finishedCode);
}

function registerPath(): string {
  const source = import.meta.url.endsWith(".ts");
  return fileURLToPath(new URL(source ? "../daemon/register/from-source.js" : "./register.js", import.meta.url));
}

/**
 * The supervisor process: the supervisor and its API, as a keeper starts it.
 *
 * `node supervisor.js [--home DIR] [--foreground] --store A,B`
 */
import { unlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { LaresError } from "../core/errors.ts";
import { version } from "../protocol/version.ts";
import { type HomeFiles, openHome } from "../supervisor/home.ts";
import { cannotRunCode, finishedCode } from "../supervisor/keeper.ts";
import { Supervisor } from "../supervisor/supervisor.ts";
import { serveApi } from "./server.ts";

const { values } = parseArgs({
  options: { home: { type: "string" }, foreground: { type: "boolean" }, store: { type: "string" } },
});

try {
  await run();
} catch (error) {
  if (!(error instanceof LaresError)) throw error;
  process.stderr.write(`error: ${error.message}\n${error.hint ? `hint: ${error.hint}\n` : ""}`);
  process.exit(cannotRunCode);
}

async function run(): Promise<void> {
  const files = openHome(values.home);
  const [send = -1, receive = -1] = (values.store ?? "").split(",").map(Number);
  const supervisor = new Supervisor({
    files,
    store: [send, receive],
    version,
    registerPath: registerPath(),
    onFinished: () => setImmediate(() => finish(supervisor, { files, closeApi })),
  });
  let closeApi = () => {};
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => supervisor.command({ type: "command", command: "end" }));
  }
  process.on("SIGHUP", () => supervisor.outputs.captures.reopen());
  supervisor.recover();
  closeApi = await serveApi(supervisor, files.homes.socket);
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
  process.exit(finishedCode);
}

/** Beside the bundle; from sources nothing that another program's Node could load. */
function registerPath(): string | undefined {
  return import.meta.url.endsWith(".ts") ? undefined : fileURLToPath(new URL("./register.js", import.meta.url));
}

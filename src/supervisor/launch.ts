/**
 * Starts a supervisor: prepares its home and the store, then becomes its keeper.
 *
 * `node launch.js [--home DIR] [--foreground]`
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { LaresError } from "../core/errors.ts";
import { createStorePair } from "../os/fd-store.ts";
import { openHome } from "./home.ts";
import { becomeKeeper, cannotRunCode, keeperImage } from "./keeper.ts";

const { values } = parseArgs({ options: { home: { type: "string" }, foreground: { type: "boolean" } } });

try {
  const files = openHome(values.home);
  const store = createStorePair();
  process.chdir("/");
  becomeKeeper(keeperImage({ files, store, foreground: values.foreground === true, main: mainProgram() }));
} catch (error) {
  if (!(error instanceof LaresError)) throw error;
  process.stderr.write(`error: ${error.message}\n${error.hint ? `hint: ${error.hint}\n` : ""}`);
  process.exitCode = cannotRunCode;
}

function mainProgram(): string {
  const source = import.meta.url.endsWith(".ts");
  return fileURLToPath(new URL(source ? "../api/main.ts" : "./supervisor.js", import.meta.url));
}

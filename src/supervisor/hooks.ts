import { execFile } from "node:child_process";
import type { World } from "../core/draft.ts";
import type { Effect } from "../core/effects.ts";

/** A hook that takes longer is ended. */
const hookTimeoutMs = 60_000;

/**
 * Runs a command at a moment of an instance's life. Nothing waits for it, and what comes of it changes nothing.
 *
 * It gets the service's environment and `LARES_SERVICE`, `LARES_SLOT`, `LARES_HOOK`, `LARES_REASON`.
 */
export function runHook(
  { run, hook, reason }: Extract<Effect, { do: "run_hook" }>,
  { world, problem }: { readonly world: World; readonly problem: (sentence: string) => void },
): void {
  const spec = world.services.get(run.service)?.spec;
  const [program, ...args] = spec?.on[hook] ?? [];
  if (!spec || program === undefined) return;
  const env = {
    PATH: process.env.PATH,
    ...spec.env,
    LARES_SERVICE: run.service,
    LARES_SLOT: String(run.slot),
    LARES_HOOK: hook,
    LARES_REASON: reason,
  };
  execFile(program, args, { cwd: spec.directory, env, timeout: hookTimeoutMs, killSignal: "SIGKILL" }, (error) => {
    if (error) problem(`${run.service}: the hook "on.${hook}" failed: ${error.message}`);
  });
}

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";

const root = path.join(import.meta.dirname, "..");
const { scripts } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
};
const env = { ...process.env, PATH: `${path.join(root, "node_modules/.bin")}:${process.env.PATH}` };

/** How a script of package.json ended. */
export interface Outcome {
  readonly step: string;
  readonly ok: boolean;
  /** What it printed, if it was not shown at once. */
  readonly output: string;
}

/**
 * Runs a script of package.json as npm does, without npm: that would cost half a second, and Debian's npm does not run on
 * the Node that is first on the PATH here.
 *
 * @param options `show` prints what it prints, at once.
 */
export async function runStep(step: string, { show = false } = {}): Promise<Outcome> {
  const script = scripts[step];
  if (script === undefined) return { step, ok: false, output: `package.json has no script "${step}"` };
  const stdio = show ? "inherit" : "pipe";
  const child = spawn("/bin/sh", ["-c", script], { cwd: root, env, stdio: ["ignore", stdio, stdio] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { step, ok: code === 0, output };
}

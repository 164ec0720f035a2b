/**
 * Runs every trial of this directory, one after the other: `npm run bench`, with `--small` for a glance, `--save` to keep
 * the figures in bench/results/, and names of trials to run only those.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import path from "node:path";

const options = process.argv.slice(2).filter((argument) => argument.startsWith("--"));
const chosen = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
/** What is here and is no trial. */
const parts = /^(run|tools|contender(-.*)?|.*-(load|tools|fixture))\.ts$/;

const trials = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".ts") && !parts.test(name))
  .map((name) => name.slice(0, -".ts".length))
  .filter((name) => chosen.length === 0 || chosen.includes(name));

const failed = trials.filter((name) => {
  const file = path.join(import.meta.dirname, `${name}.ts`);
  return spawnSync(process.execPath, [file, ...options], { stdio: "inherit" }).status !== 0;
});
console.log(
  `\n${trials.length - failed.length} trials ran, ${failed.length} failed${failed.map((name) => ` ${name}`).join("")}`,
);
if (failed.length > 0) process.exitCode = 1;

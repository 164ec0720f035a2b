/** What `import "lares"` adds to the start of a bare Node, as it is built; `npm run build` first. */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { quantile, report, small } from "./tools.ts";

const rounds = small ? 10 : 50;
const built = pathToFileURL(path.join(import.meta.dirname, "../dist/lares.js")).href;

const bare: number[] = [];
const imported: number[] = [];
for (let round = 0; round < rounds; round += 1) {
  bare.push(startMs(""));
  imported.push(startMs(`import ${JSON.stringify(built)};`));
}
const row = (name: string, share: number) => {
  const [alone, all] = [quantile(bare, share), quantile(imported, share)];
  return { name, figures: { "bare ms": alone, "lares ms": all, "cost ms": all - alone } };
};
report("daemon-import", [row("fastest", 0), row("median", 0.5)], [`${rounds} starts each, one after the other`]);

function startMs(code: string): number {
  const began = performance.now();
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", code], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return performance.now() - began;
}

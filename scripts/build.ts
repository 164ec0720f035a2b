/**
 * Makes `dist/`: bundles of the command, the supervisor and the library, their type declarations, and the licences of what
 * is bundled.
 *
 * Bundling is what makes the command quick: one small file per command instead of dozens, and zod in 8 ms instead of 40.
 * What must stay a package of its own (native, or resolved by the user's own dependencies) stays external.
 */
import { execFile } from "node:child_process";
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { rolldown } from "rolldown";
import { jsonSchema } from "../src/config/json-schema.ts";
import { licencesOf } from "./licences.ts";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
/** Built beside and put in place at once: what runs from `dist/` meanwhile never finds half of it. */
const fresh = join(root, `dist.${process.pid}`);

/** Output name → source. An entry whose source is not there yet is left out. */
const programs = {
  launch: "src/supervisor/launch.ts",
  supervisor: "src/api/main.ts",
  forwarder: "src/forward/main.ts",
  lares: "src/daemon/index.ts",
  client: "src/client/index.ts",
  register: "src/daemon/register/index.ts",
  testing: "src/testing/index.ts",
};

/**
 * What every command needs, and `ls` with it: one file, since each file more is half a millisecond. Modules that load much
 * must not be among them.
 */
const neededAtOnce = [
  "src/cli/(main|arguments|command|commands|report|terminal|names|instances|table|units|commands/ls)",
  "src/client/(client|connection|errors|http|keeper|reconnect)",
  "src/config/(nearest|parse-duration)",
  "src/core/errors",
  "src/protocol/(api|homes|keeper-name)",
].map((path) => new RegExp(`/${path}\\.ts$`));

const external = [/^node:/, /^koffi$/, /^pino(\/|$)/, /^piscina$/, /^@prometheus-io\/client(\/|$)/];

const startedAt = performance.now();
try {
  // Each is seen to its end, so that nothing is written any more after a failure was cleaned up.
  const parts = await Promise.allSettled([bundleCommand(), bundlePrograms(), declareTypes()]);
  const modules = new Set(parts.flatMap(modulesOf));
  writeFileSync(join(fresh, "THIRD_PARTY_LICENSES.txt"), licencesOf([...modules]));
  writeFileSync(join(fresh, "lares.schema.json"), `${JSON.stringify(await jsonSchema(), null, 2)}\n`);
  replaceDist();
  console.log(`dist: ${modules.size} modules in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
} catch (error) {
  rmSync(fresh, { recursive: true, force: true });
  // The compiler says on stdout what is wrong.
  console.error((error as { stdout?: string }).stdout || error);
  process.exitCode = 1;
}

function modulesOf(part: PromiseSettledResult<string[]>): string[] {
  if (part.status === "rejected") throw part.reason;
  return part.value;
}

/**
 * The command is CommonJS: an ES module that imports from `node:util` or `node:net` makes Node evaluate everything those
 * export, which costs `lares ls` 9 ms of processor time (docs/adr).
 */
function bundleCommand(): Promise<string[]> {
  return bundle({ cli: "src/cli/entry.js" }, { format: "cjs", extension: "cjs", groups: neededAtOnce });
}

function bundlePrograms(): Promise<string[]> {
  return bundle(programs, { format: "esm", extension: "js", groups: [] });
}

/** Returns the paths of all modules that were bundled. */
async function bundle(
  entries: Readonly<Record<string, string>>,
  as: { readonly format: "cjs" | "esm"; readonly extension: string; readonly groups: readonly RegExp[] },
): Promise<string[]> {
  const present = Object.entries(entries).filter(([, source]) => existsSync(join(root, source)));
  await using bundler = await rolldown({
    cwd: root,
    input: Object.fromEntries(present),
    external,
    platform: "node",
    // A command may need at once what another module only needs sometimes.
    checks: { ineffectiveDynamicImport: false },
  });
  const { output } = await bundler.write({
    dir: fresh,
    format: as.format,
    // Flat, so that a bundle finds its neighbours (launch.js, ../package.json) from any chunk alike.
    entryFileNames: `[name].${as.extension}`,
    chunkFileNames: `chunk-[name]-[hash].${as.extension}`,
    codeSplitting: { groups: as.groups.map((test) => ({ name: "main", test })) },
  });
  return output.flatMap((file) => (file.type === "chunk" ? Object.keys(file.modules) : []));
}

function replaceDist(): void {
  const old = `${fresh}.old`;
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(fresh, dist);
  rmSync(old, { recursive: true, force: true });
}

/** Only of what can be imported from the package. Bundles nothing. */
async function declareTypes(): Promise<string[]> {
  await promisify(execFile)(join(root, "node_modules/.bin/tsc"), [
    "-p",
    join(root, "scripts/types.tsconfig.json"),
    "--outDir",
    join(fresh, "types"),
  ]);
  return [];
}

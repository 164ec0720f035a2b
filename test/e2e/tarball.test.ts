/** The package as users get it: packed, installed by npm, run and imported. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { openClient } from "../../src/client/client.ts";
import type { InstanceView } from "../../src/protocol/api.ts";
import { openHome } from "../../src/supervisor/home.ts";
import { type Outcome, run } from "./commands.ts";
import { leftoversOf } from "./leftovers.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "lares-tarball-"));
const consumer = join(directory, "consumer");
const command = join(directory, "prefix/bin/lares");
const sizeBytesMax = 1024 * 1024;

/** Without what a checkout adds, so that npm runs on the Node that it came with. */
const hostPath = (process.env.PATH ?? "")
  .split(delimiter)
  .filter((folder) => !folder.includes("node_modules"))
  .join(delimiter);
const env = { HOME: process.env.HOME ?? directory, PATH: hostPath };
const newNode = { ...env, PATH: `${dirname(process.execPath)}:${hostPath}`, LARES_HOME: join(directory, "home") };

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}
let packed: Packed;

before(async () => {
  assert.ok(existsSync(join(repository, "dist/cli.cjs")), "there is no dist/: run `npm run build`");
  // Not built again by npm: other tests run what is in dist/.
  const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", directory];
  packed = JSON.parse((await ok("npm", pack, { cwd: repository, env })).stdout)[0];
  const tarball = join(directory, packed.filename);
  const quiet = ["--no-audit", "--no-fund", "--prefer-offline"];
  const prefix = join(directory, "prefix");
  await ok("npm", ["install", "--global", "--prefix", prefix, ...quiet, tarball], { cwd: directory, env });
  mkdirSync(consumer);
  writeFileSync(join(consumer, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await ok("npm", ["install", ...quiet, tarball], { cwd: consumer, env });
});

after(async () => {
  await run(["down"], { command, cwd: directory, env: newNode });
  rmSync(directory, { recursive: true, force: true });
});

test("the tarball holds the command and the library, no sources and no tests, and is small", (context) => {
  const strangers = packed.files
    .map(({ path }) => path)
    .filter((path) => !/^(bin\/lares|dist\/.+|package\.json|LICENSE|README\.md|CHANGELOG\.md)$/.test(path));
  assert.deepEqual(strangers, []);
  assert.deepEqual(
    packed.files.filter(({ path }) => /\.(test|fixture)\.|\.map$/.test(path)),
    [],
  );
  assert.ok(packed.size < sizeBytesMax, `it has ${packed.size} bytes`);
  context.diagnostic(`${packed.filename}: ${packed.size} bytes, ${packed.files.length} files`);
});

test("the installed command runs a service, shows it, and leaves nothing behind", async () => {
  const file = join(directory, "lares.yaml");
  writeFileSync(file, "services:\n  one:\n    command: sleep 1000\n");
  const options = { cwd: directory, env: newNode };
  await ok(command, ["up", "--file", file], options);
  const [one]: InstanceView[] = JSON.parse((await ok(command, ["ls", "--json"], options)).stdout);
  assert.deepEqual([one?.service, one?.state], ["one", "up"]);
  const files = openHome(newNode.LARES_HOME);
  const { pid, keeperPid } = await openClient({ socketPath: files.homes.socket }).supervisor();
  await ok(command, ["down"], options);
  assert.deepEqual(await leftoversOf(files, [pid, keeperPid ?? 0]), []);
});

test("on an older Node the installed command says what to do", async () => {
  const pretender = join(directory, "pretender");
  const claim = join(directory, "claim.cjs");
  mkdirSync(pretender);
  writeFileSync(claim, 'Object.defineProperty(process.versions, "node", { value: "20.19.2" });');
  writeFileSync(join(pretender, "node"), `#!/bin/sh\nexec '${process.execPath}' --require '${claim}' "$@"\n`);
  chmodSync(join(pretender, "node"), 0o755);
  const paths = [`${pretender}:${hostPath}`];
  const host = await run(["node", "--version"], { command: "/usr/bin/env", cwd: directory, env });
  // Debian's own is one, where there is one.
  if (/^v(1\d|2[0-3])\./.test(host.stdout)) paths.push(hostPath);
  for (const PATH of paths) {
    const { code, stderr } = await run(["ls"], { command, cwd: directory, env: { ...env, PATH } });
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^error: Cannot start lares: it needs Node\.js 24 or newer, and this is (1|2)\d\.\S+ \(.*\)\nhint: .+\n$/,
    );
  }
});

const program = `
import { defineDaemon, createLogger, LaresError, type DaemonContext, type Logger } from "lares";
import { openClient, type InstanceView } from "lares/client";
import "lares/register";

const daemon = defineDaemon({
  name: "consumer",
  log: { level: "warn" },
  start: ({ log }: DaemonContext<Record<string, never>>) => {
    log.info("started");
    return { stop: () => log.info("stopped") };
  },
});
await using running = await daemon.run();
const write: (options: object) => Promise<{ log: Logger }> = createLogger;
const client = openClient({ socketPath: "/nowhere/lares.sock" });
const instances: readonly InstanceView[] = await client.instances().catch((error: LaresError) => []);
console.log(running.state.state, instances.length, typeof write);
`;

test("a program imports every part, and runs", async () => {
  writeFileSync(join(consumer, "program.ts"), program);
  const { stdout } = await ok(process.execPath, ["program.ts"], { cwd: consumer, env });
  assert.equal(stdout, "ready 0 function\n");
});

test("a program is checked against the declarations that are shipped", async () => {
  symlinkSync(join(repository, "node_modules/@types"), join(consumer, "node_modules/@types"));
  const compilerOptions = {
    module: "nodenext",
    target: "es2024",
    lib: ["es2024", "esnext.disposable"],
    strict: true,
    noEmit: true,
    types: ["node"],
  };
  writeFileSync(join(consumer, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
  writeFileSync(join(consumer, "program.ts"), program);
  const tsc = join(repository, "node_modules/.bin/tsc");
  await ok(tsc, ["-p", consumer], { cwd: consumer, env: newNode });
  writeFileSync(join(consumer, "program.ts"), program.replace("socketPath:", "socket:"));
  const { code, stdout } = await run(["-p", consumer], { command: tsc, cwd: consumer, env: newNode });
  assert.notEqual(code, 0);
  assert.match(stdout, /'socket' does not exist/);
});

async function ok(
  program: string,
  words: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<Outcome> {
  const outcome = await run(words, { command: program, ...options });
  assert.equal(
    outcome.code,
    0,
    `${program} ${words.join(" ")} ended with ${outcome.code}: ${outcome.stdout}${outcome.stderr}`,
  );
  return outcome;
}

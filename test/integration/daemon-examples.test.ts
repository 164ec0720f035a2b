/** Every `@example` of the library's doc comments: it passes the type check, and it runs to its end. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";

const root = join(import.meta.dirname, "../..");
const preload = join(import.meta.dirname, "daemon-resolve.ts");

interface Example {
  readonly name: string;
  readonly code: string;
}

const examples = globSync("src/daemon/**/*.ts", { cwd: root, exclude: ["src/daemon/register/**", "**/*.test.ts"] })
  .sort()
  .flatMap((file): Example[] => {
    const source = readFileSync(join(root, file), "utf8");
    return [...source.matchAll(/@example\n\s*\* ```ts\n([\s\S]*?)\s*\* ```/g)].map((match, index) => ({
      name: index === 0 ? file : `${file} (${index + 1})`,
      code: (match[1] ?? "").replaceAll(/^\s*\* ?/gm, ""),
    }));
  });

test("there is an example in every part", () => {
  assert.ok(examples.length >= 15, `${examples.length} examples`);
});

for (const { name, code } of examples) {
  test(`the example of ${name} runs`, { timeout: 150_000 }, async () => {
    const flags = ["--disable-warning=ExperimentalWarning", "--import", preload, "--input-type=module-typescript"];
    const child = spawn(process.execPath, [...flags, "-e", code], { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
    const [errors, [status]] = await Promise.all([text(child.stderr), once(child, "exit")]);
    assert.equal(status, 0, `${code}\n${errors}`);
  });
}

test("all examples pass the type check", () => {
  const directory = mkdtempSync(join(tmpdir(), "lares-examples-"));
  try {
    for (const [index, { name, code }] of examples.entries()) {
      writeFileSync(join(directory, `${index}-${name.replaceAll(/\W+/g, "-")}.ts`), `${code}\nexport {};\n`);
    }
    writeFileSync(join(directory, "package.json"), '{ "type": "module" }');
    symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
    const compilerOptions = { paths: { lares: [join(root, "src/daemon/index.ts")] } };
    const configuration = { extends: join(root, "tsconfig.json"), compilerOptions, include: ["*.ts"] };
    writeFileSync(join(directory, "tsconfig.json"), JSON.stringify(configuration));
    const { status, stdout } = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", directory], { encoding: "utf8" });
    assert.equal(status, 0, stdout);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { withRoutes } from "./api-routes.ts";

const root = path.join(import.meta.dirname, "..");
const pages = globSync(["*.md", "docs/**/*.md", "examples/**/*.md"], { cwd: root, exclude: ["**/node_modules"] });
const configurations = globSync("examples/**/lares.yaml", { cwd: root });

/** The sources' command, so that no build is needed. */
function check(file: string): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, [path.join(root, "src/cli/entry.js"), "check", file], { encoding: "utf8" });
}

for (const file of configurations) {
  test(`${file} is accepted by lares check`, () => {
    const { status, stderr } = check(path.join(root, file));
    assert.equal(status, 0, stderr);
  });
}

test("the first file of the README is accepted by lares check", () => {
  const readme = readFileSync(path.join(root, "README.md"), "utf8");
  const [, yaml] = readme.match(/```yaml\n([\s\S]*?)```/) ?? [];
  assert.ok(yaml);
  const directory = mkdtempSync(path.join(os.tmpdir(), "lares-readme-"));
  try {
    writeFileSync(path.join(directory, "lares.yaml"), yaml);
    const { status, stderr } = check(path.join(directory, "lares.yaml"));
    assert.equal(status, 0, stderr);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("the README holds, under their marks, the two commands that .ci/run runs", () => {
  const readme = readFileSync(path.join(root, "README.md"), "utf8");
  for (const mark of ["run", "test"])
    assert.match(readme, new RegExp(`<!-- ci: ${mark} -->\n\`\`\`sh\nnpm ci && .+\n\`\`\``));
});

for (const page of pages) {
  test(`every file that ${page} links to is there`, () => {
    const text = readFileSync(path.join(root, page), "utf8");
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, target = ""]) => target);
    const missing = links.filter((target) => !existsSync(path.join(root, path.dirname(page), target)));
    assert.deepEqual(missing, []);
  });
}

test("docs/api.md lists the routes that there are; if not, run `node scripts/api-reference.ts`", () => {
  const page = readFileSync(path.join(root, "docs/api.md"), "utf8");
  assert.equal(page, withRoutes(page));
});

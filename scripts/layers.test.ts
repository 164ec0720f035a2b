// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the samples below are source text
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { importsOf } from "./layers-imports.ts";
import { readTree, violationsIn } from "./layers-rules.ts";

/** A repository of nothing but the given files, removed when the test ends. */
function plant(files: Record<string, string>): Disposable & { root: string; violations: string[] } {
  const root = mkdtempSync(path.join(os.tmpdir(), "lares-layers-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  return {
    root,
    violations: violationsIn(readTree(root)),
    [Symbol.dispose]: () => rmSync(root, { recursive: true }),
  };
}

const layersScript = path.join(import.meta.dirname, "layers.ts");

function runLayers(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [layersScript, ...args], { encoding: "utf8" });
}

const refused: readonly { name: string; files: Record<string, string>; says: string }[] = [
  {
    name: "an import against the direction of the table",
    files: { "src/os/a.ts": '\nimport { b } from "../supervisor/b.ts";', "src/supervisor/b.ts": "" },
    says: "src/os/a.ts:2: src/os may not import src/supervisor (allowed: src/core, src/protocol)",
  },
  {
    name: "a type import against the direction",
    files: { "src/config/a.ts": 'import type { B } from "../os/b.ts";', "src/os/b.ts": "" },
    says: "src/config/a.ts:1: src/config may not import src/os (allowed: src/core)",
  },
  {
    name: "a re-export against the direction",
    files: { "src/client/a.ts": 'export * from "../api/b.ts";', "src/api/b.ts": "" },
    says: "src/client/a.ts:1: src/client may not import src/api (allowed: src/protocol, src/os)",
  },
  {
    name: "a dynamic import against the direction",
    files: { "src/cli/a.ts": 'await import("../supervisor/b.ts");', "src/supervisor/b.ts": "" },
    says: "src/cli/a.ts:1: src/cli may not import src/supervisor (allowed: src/client, src/config, src/protocol, src/logs)",
  },
  {
    name: "a built-in module in core, even for its types",
    files: { "src/core/a.ts": 'import type { Stats } from "node:fs";' },
    says: 'src/core/a.ts:1: src/core may not import "node:fs" (allowed: nothing)',
  },
  {
    name: "a package in core",
    files: { "src/core/a.ts": 'import { z } from "zod";' },
    says: 'src/core/a.ts:1: src/core may not import "zod" (allowed: nothing)',
  },
  {
    name: "a built-in module in protocol",
    files: { "src/protocol/a.ts": 'import { Buffer } from "node:buffer";' },
    says: 'src/protocol/a.ts:1: src/protocol may not import "node:buffer" (allowed: src/core)',
  },
  {
    name: "the command line in testing",
    files: { "src/testing/a.ts": 'import "../cli/b.ts";', "src/cli/b.ts": "" },
    says: "src/testing/a.ts:1: src/testing may not import src/cli",
  },
  {
    name: "a file outside src",
    files: { "src/os/a.ts": 'import "../../scripts/b.ts";' },
    says: "src/os/a.ts:1: src/os may not import scripts/b.ts",
  },
  {
    name: "the package by its own name",
    files: { "src/daemon/a.ts": 'import "lares/client";' },
    says: 'src/daemon/a.ts:1: src/daemon may not import "lares/client" by the name of the package',
  },
  {
    name: "the supervisor in the dashboard",
    files: { "web/a.ts": 'import "../src/supervisor/b.ts";', "src/supervisor/b.ts": "" },
    says: "web/a.ts:1: web may not import src/supervisor (allowed: src/protocol, src/client)",
  },
  {
    name: "a folder that the layout does not know",
    files: { "src/utils/a.ts": "" },
    says: "src/utils/a.ts:1: src/utils is not a folder of the layout",
  },
  {
    name: "a file directly in src",
    files: { "src/a.ts": "" },
    says: "src/a.ts:1: src is not a folder of the layout",
  },
  {
    name: "a circle of files, through types too",
    files: {
      "src/core/a.ts": 'import { b } from "./b.ts";',
      "src/core/b.ts": 'import { c } from "./c.ts";',
      "src/core/c.ts": '\n\nimport type { A } from "./a.ts";',
    },
    says: "src/core/c.ts:3: imports in a circle: src/core/a.ts → src/core/b.ts → src/core/c.ts → src/core/a.ts",
  },
];

for (const { name, files, says } of refused) {
  test(`refuses ${name}`, () => {
    using tree = plant(files);
    assert.equal(tree.violations.length, 1, tree.violations.join("\n"));
    assert.ok(tree.violations[0]?.startsWith(says), tree.violations[0]);
  });
}

test("accepts what the table allows, errors everywhere, and packages in tests", () => {
  using tree = plant({
    "src/core/errors.ts": "",
    "src/core/a.ts": 'import { b } from "./errors.ts";',
    "src/core/a.test.ts": 'import { test } from "node:test"; import fc from "fast-check"; import "../testing/t.ts";',
    "src/protocol/a.ts": 'import type { Socket } from "node:net";',
    "src/cli/a.ts": 'import "../core/errors.ts"; import "../logs/a.ts"; import p from "../../package.json";',
    "src/logs/a.ts": 'import "../os/a.ts"; import { z } from "zod";',
    "src/os/a.ts": 'import "node:fs";',
    "src/testing/t.ts": 'import "../api/a.ts";',
    "src/api/a.ts": "",
    "src/daemon/register/a.ts": 'import "../b.ts"; import "../../os/a.ts";',
    "src/daemon/b.ts": "",
  });
  assert.deepEqual(tree.violations, []);
});

test("is not fooled by comments, strings, templates and regular expressions", () => {
  const source = [
    '// import "a";',
    '/* export * from "b"; */',
    "const s = 'import \"c\";';",
    'const t = `import "d"; ${`from "e"` + `${1}`} import("f")`;',
    "const r = /[\"'`]/.test(s) ? 4 / 2 / 1 : \"import('g')\";",
    'const { from } = x; import.meta.resolve("h"); loader.import("i");',
    "const seen = `${await import('./one.ts')}`;",
    'import {\n  type A, // from "j"\n  b,\n} from "./two.ts";',
    "type C = import('./three.ts').C;",
    "import(`./four.ts`); import(`./${s}.ts`);",
  ].join("\n");
  assert.deepEqual(
    importsOf(source).map(({ specifier, line }) => `${line} ${specifier}`),
    ["7 ./one.ts", "11 ./two.ts", "12 ./three.ts", "13 ./four.ts"],
  );
});

test("tells type imports from a binding that is called type", () => {
  const typeOnly = (source: string) => importsOf(source).map((found) => found.typeOnly);
  assert.deepEqual(typeOnly('import type { A } from "a"; export type { B } from "b"; import type C from "c";'), [
    true,
    true,
    true,
  ]);
  assert.deepEqual(typeOnly('import type from "a"; import { type B } from "b"; import "c";'), [false, false, false]);
});

test("exits 1 with the violations on stderr, and 0 without any", () => {
  using bad = plant({ "src/core/a.ts": 'import "node:fs";' });
  using good = plant({ "src/core/a.ts": "" });
  assert.deepEqual([runLayers(bad.root).status, runLayers(good.root).status], [1, 0]);
  assert.match(runLayers(bad.root).stderr, /^src\/core\/a\.ts:1: src\/core may not import "node:fs"/);
});

test("prints the graph, notices when ARCHITECTURE.md holds another, and writes it there", () => {
  const stale = "# Map\n\n```mermaid\ngraph TD\n  os -->|7| core\n```\n\nEnd.\n";
  using tree = plant({
    "ARCHITECTURE.md": stale,
    "src/core/a.ts": "",
    "src/os/a.ts": 'import "../core/a.ts";',
    "src/os/b.ts": 'import type { A } from "../core/a.ts"; import { E } from "../core/errors.ts";',
    "src/core/errors.ts": "",
  });
  const graph = "```mermaid\ngraph TD\n  os -->|2| core\n```\n";
  assert.equal(runLayers(tree.root, "--graph").stdout, graph);
  const before = runLayers(tree.root, "--check-docs");
  assert.deepEqual([before.status, before.stderr.split(":")[1]], [1, "3"]);
  assert.equal(runLayers(tree.root, "--write-docs").status, 0);
  assert.equal(runLayers(tree.root, "--check-docs").status, 0);
  assert.equal(readFileSync(path.join(tree.root, "ARCHITECTURE.md"), "utf8"), `# Map\n\n${graph}\nEnd.\n`);
});

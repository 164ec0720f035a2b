/**
 * Checks who imports whom.
 *
 *     node scripts/layers.ts [ROOT]                 prints violations, exit 1 if there are any
 *     node scripts/layers.ts [ROOT] --graph         prints the graph of folders for ARCHITECTURE.md
 *     node scripts/layers.ts [ROOT] --check-docs    also fails when ARCHITECTURE.md holds another graph
 *     node scripts/layers.ts [ROOT] --write-docs    puts the graph there
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { importableByAll, layers, readTree, type SourceFile, violationsIn } from "./layers-rules.ts";

/** The graph in ARCHITECTURE.md stands in the only Mermaid block that begins like this. */
const graphBlock = /```mermaid\ngraph TD\n[\s\S]*?```/;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    graph: { type: "boolean", default: false },
    "check-docs": { type: "boolean", default: false },
    "write-docs": { type: "boolean", default: false },
  },
});
const root = path.resolve(positionals[0] ?? path.join(import.meta.dirname, ".."));
const files = readTree(root);
const problems = violationsIn(files);
if (values.graph) process.stdout.write(`${graphOf(files)}\n`);
if (values["write-docs"]) writeDocs(graphOf(files));
else if (values["check-docs"]) problems.push(...docsProblems(graphOf(files)));

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else if (!values.graph) console.log(`${files.length} files, every import in its direction`);

/**
 * Folders as nodes, in the order of the table; an edge's number is how many imports it stands for. Tests are left out, and
 * so is the error that every folder imports.
 */
function graphOf(tree: readonly SourceFile[]): string {
  const folderOf = new Map(tree.map((file) => [file.path, file.layer]));
  const counts = new Map<string, number>();
  for (const file of tree.filter((each) => !each.isTest)) {
    for (const { target } of file.imports) {
      const to = folderOf.get(target ?? "");
      if (to === undefined || to === file.layer || target === importableByAll) continue;
      counts.set(`${file.layer} ${to}`, (counts.get(`${file.layer} ${to}`) ?? 0) + 1);
    }
  }
  const order = [...layers.keys()].reverse();
  const edges = order.flatMap((from) =>
    order.flatMap((to) => {
      const count = counts.get(`${from} ${to}`);
      return count === undefined ? [] : [`  ${from} -->|${count}| ${to}`];
    }),
  );
  return ["```mermaid", "graph TD", ...edges, "```"].join("\n");
}

function docsProblems(graph: string): string[] {
  const file = path.join(root, "ARCHITECTURE.md");
  const page = existsSync(file) ? readFileSync(file, "utf8") : "";
  const at = page.search(graphBlock);
  if (at !== -1 && page.match(graphBlock)?.[0] === graph) return [];
  const line = page.slice(0, Math.max(at, 0)).split("\n").length;
  return [`ARCHITECTURE.md:${line}: the graph is not the current one; run \`npm run layers -- --write-docs\``];
}

function writeDocs(graph: string): void {
  const file = path.join(root, "ARCHITECTURE.md");
  const page = readFileSync(file, "utf8");
  if (!graphBlock.test(page)) throw new Error(`${file} has no Mermaid block that begins with "graph TD"`);
  writeFileSync(
    file,
    page.replace(graphBlock, () => graph),
  );
}

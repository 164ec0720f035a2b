import assert from "node:assert/strict";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type AdhocRequest, adhocSpec } from "./adhoc.ts";
import { renderDiagnostics } from "./render-diagnostic.ts";

const directory = realpathSync(mkdtempSync(join(tmpdir(), "lares-adhoc-")));
for (const name of ["app.js", "my tool.py", "program"]) writeFileSync(join(directory, name), "");

describe("adhocSpec", () => {
  after(() => rmSync(directory, { recursive: true }));

  const rows: readonly (readonly [request: Partial<AdhocRequest>, name: string, command: readonly string[]])[] = [
    [{ target: "./app.js" }, "app", ["node", "./app.js"]],
    [{ target: "app.js", name: "web", args: ["--port", "80"] }, "web", ["node", "./app.js", "--port", "80"]],
    [{ target: join(directory, "app.js") }, "app", ["node", join(directory, "app.js")]],
    [{ target: "my tool.py" }, "my-tool", ["python3", "./my tool.py"]],
    [{ target: "program" }, "program", ["./program"]],
    [{ target: "python3 -m http.server 8000" }, "python3", ["python3", "-m", "http.server", "8000"]],
    [{ target: "/usr/bin/env 'A B'", args: ["*"] }, "env", ["/usr/bin/env", "A B", "*"]],
    [{ target: "program 'a b'" }, "program", ["./program", "a b"]],
    [{ target: "app.js -v" }, "app", ["node", "./app.js", "-v"]],
    [{ target: "elsewhere.rb x" }, "elsewhere", ["ruby", "elsewhere.rb", "x"]],
  ];
  for (const [request, name, command] of rows) {
    it(`takes ${JSON.stringify(request.target)} for ${command.join(" ").replace(directory, "DIR")}`, async () => {
      const result = await adhocSpec(requestOf(request));
      assert.ok(result.ok);
      assert.deepEqual([result.specs[0].name, result.specs[0].command], [name, command]);
    });
  }

  it("runs where the caller is, with nothing of its environment but PATH", async () => {
    const result = await adhocSpec(requestOf({ target: "app.js", instances: 3 }));
    assert.ok(result.ok);
    const { env, directory: where, instances, register } = result.specs[0];
    assert.deepEqual(
      { env, where, instances, register },
      { env: { PATH: "/bin" }, where: directory, instances: 3, register: true },
    );
  });

  const refused: readonly (readonly [Partial<AdhocRequest>, string])[] = [
    [
      { target: "cat a | wc" },
      `command line:1:7: error: \`|\` needs a shell
  1 | cat a | wc
    |       ~
  hint: Run a shell: lares start /bin/sh --name NAME -- -c 'cat a | wc'.`,
    ],
    [{ target: "ls 'a" }, "command line:1:4: error: this quote is never closed\n  1 | ls 'a\n    |    ~"],
    [{ target: "" }, "command line:1:1: error: the command names no program"],
    [
      { target: "ls", name: "all" },
      `command line:1:11: error: a service cannot be named \`all\`: commands take it for every service
  1 | ls --name all
    |           ~~~`,
    ],
  ];
  for (const [request, says] of refused) {
    it(`refuses ${JSON.stringify(request)}`, async () => {
      const result = await adhocSpec(requestOf(request));
      assert.ok(!result.ok);
      assert.equal(renderDiagnostics(result.diagnostics), says);
    });
  }
});

function requestOf(request: Partial<AdhocRequest>): AdhocRequest {
  return { target: "", args: [], directory, env: { PATH: "/bin", SECRET: "x" }, ...request };
}

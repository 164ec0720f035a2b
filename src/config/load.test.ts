import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { configurationNames, findConfiguration } from "./find.ts";
import { loadConfiguration } from "./load.ts";

const home = realpathSync(mkdtempSync(join(tmpdir(), "lares-load-")));
const env = { PATH: process.env.PATH, WHO: "env", N: "3", ON: "true" };

/** The same two services in every language. */
const languages: Readonly<Record<string, string>> = {
  "a.yaml": `
services:
  web:
    command: node server.js
    listen: { http: 127.0.0.1:8080 }
    limits:
      memory: 512M
  job: { command: [backup, --all], kind: task, after: [web] }
`,
  "a.json": `{
	"services": {
		"web": { "command": "node server.js", "listen": { "http": "127.0.0.1:8080" }, "limits": { "memory": "512M" } },
		"job": { "command": ["backup", "--all"], "kind": "task", "after": ["web"] }
	}
}`,
  "a.toml": `
[services.web]
command = "node server.js"
listen.http = "127.0.0.1:8080"
limits = { memory = "512M" }
[services.job]
command = ["backup", "--all"]
kind = "task"
after = ["web"]
`,
  "a.ts": `
import { kind } from "./kind.ts";
const listen: Record<string, string> = { http: "127.0.0.1:8080" };
console.log("noise on stdout does no harm");
export default async () => ({
  services: {
    web: { command: "node server.js", listen, limits: { memory: "512M" } },
    job: { command: ["backup", "--all"], kind, after: ["web"] },
  },
});
setInterval(() => {}, 1000);
`,
  "a.mjs": `
export default Promise.resolve({
  services: {
    web: { command: "node server.js", listen: { http: "127.0.0.1:8080" }, limits: { memory: "512M" } },
    job: { command: ["backup", "--all"], kind: "task", after: ["web"] },
  },
});
`,
};

describe("loadConfiguration", () => {
  after(() => rmSync(home, { recursive: true }));

  it("reads the same services in every language", async () => {
    write("kind.ts", `export const kind: string = "task";`);
    const expected = await load("a.yaml", languages["a.yaml"] ?? "");
    assert.deepEqual(
      expected.specs.map(({ name, kind, command }) => [name, kind, command]),
      [
        ["web", "service", ["node", "server.js"]],
        ["job", "task", ["backup", "--all"]],
      ],
    );
    for (const [name, text] of Object.entries(languages))
      assert.deepEqual((await load(name, text)).specs, expected.specs, name);
  });

  it("replaces variables, with defaults, and leaves escaped dollars", async () => {
    const text = `
watch: \${ON}
services:
  a:
    command: 'run \${WHO} \${MISSING:-"a b"} "\${EMPTY:-}" ''$$HOME'' 5$$'
    instances: \${N}
    env: { A: "\${N}", B: "v\${N}" }
`;
    const { specs, watch } = await load("variables.yaml", text);
    const [spec] = specs;
    assert.equal(watch, true);
    assert.deepEqual(spec?.command, ["run", "env", "a b", "", "$HOME", "5$"]);
    assert.deepEqual([spec?.instances, spec?.env], [3, { A: "3", B: "v3" }]);
  });

  it("gives each service what holds for the logs of all together", async () => {
    const text = "log: { total: 20G }\nservices: { a: { command: ls }, b: { command: ls, log: { total: 1M } } }";
    const { specs } = await load("logs.yaml", text);
    assert.deepEqual(
      specs.map(({ log }) => [log.totalBytes, log.totalOfAllBytes]),
      [
        [2 * 1024 ** 3, 20 * 1024 ** 3],
        [1024 ** 2, 20 * 1024 ** 3],
      ],
    );
  });

  it("passes values of env as they are written", async () => {
    const text =
      "services: { a: { command: ls, umask: 027, env: { V: 1.10, M: 0640, T: true, E: 1e3, Q: '1.0', F: 0x1F } } }";
    const [spec] = (await load("written.yaml", text)).specs;
    assert.deepEqual(spec?.env, { V: "1.10", M: "0640", T: "true", E: "1e3", Q: "1.0", F: "0x1F" });
    assert.equal(spec?.umask, 0o27);
    const toml = await load(
      "written.toml",
      `[services.a]\ncommand = "ls"\numask = "027"\nenv = { V = 1.10, T = true }`,
    );
    assert.deepEqual(toml.specs[0]?.env, { V: "1.10", T: "true" });
  });

  it("reads env files, the later over the earlier and env over all", async () => {
    write("one.env", `# comment\nexport A=1\nB='b # b'\nC="two\nlines"\nD=1`);
    write("two.env", "B=2\nD=2");
    const text = "services: { a: { command: ls, env_file: [one.env, two.env], env: { D: 3 } } }";
    assert.deepEqual((await load("files.yaml", text)).specs[0]?.env, { A: "1", B: "2", C: "two\nlines", D: "3" });
  });

  it("follows anchors and merge keys", async () => {
    const text = `
x-base: &base { directory: api, instances: 2 }
x-more: &more { instances: 4, nice: 1 }
services:
  a: { <<: *base, command: ls, instances: 3 }
  b: { <<: [*base, *more], command: ls }
`;
    const [a, b] = (await load("anchors.yaml", text)).specs;
    assert.deepEqual([a?.directory, a?.instances], [join(home, "api"), 3]);
    assert.deepEqual([b?.directory, b?.instances, b?.nice], [join(home, "api"), 2, 1]);
  });

  it("takes paths relative to the file, and empty blocks for nothing", async () => {
    const text =
      "services:\n  a:\n    command: ls\n    directory: x\n    limits:\n      # memory: 1G\n    stop: { signal: }\n";
    const [spec] = (await load("deep/lares.yaml", text)).specs;
    assert.deepEqual([spec?.directory, spec?.limits, spec?.stop.signal], [join(home, "deep/x"), {}, "SIGTERM"]);
  });

  it("warns without refusing", async () => {
    const { warnings } = await load(
      "warned.yaml",
      "services:\n  a:\n    command: ls\n    env: { NOTIFY_SOCKET: /x }\n",
    );
    assert.deepEqual(
      warnings.map(({ severity, line, column, length }) => ({ severity, line, column, length })),
      [{ severity: "warning", line: 4, column: 12, length: 13 }],
    );
  });

  it("says what keeps a file from being read", async () => {
    for (const [path, message] of [
      [join(home, "none.yaml"), "there is no such file"],
      [home, "it is a directory"],
    ] as const) {
      const result = await loadConfiguration(path, { env });
      assert.ok(!result.ok);
      assert.deepEqual(
        result.diagnostics.map((each) => [each.file, each.line, each.message]),
        [[path, 0, message]],
      );
    }
  });

  it("refuses aliases that multiply without end", async () => {
    const levels = "bcdefghij"
      .split("")
      .map((name, index) => `x-${name}: &${name} [${`*${"abcdefghi"[index]}, `.repeat(9)}]`);
    const text = `x-a: &a [1]\n${levels.join("\n")}\nservices: { a: { command: ls } }`;
    const result = await loadConfiguration(write("laughs.yaml", text), { env });
    assert.ok(!result.ok);
    assert.match(result.diagnostics[0]?.message ?? "", /alias/i);
  });
});

describe("findConfiguration", () => {
  it("takes the first of the known names", async () => {
    const directory = mkdtempSync(join(tmpdir(), "lares-find-"));
    try {
      assert.equal(await findConfiguration(directory), undefined);
      for (const name of configurationNames.toReversed()) {
        writeFileSync(join(directory, name), "");
        assert.equal(await findConfiguration(directory), join(directory, name));
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

function write(name: string, text: string): string {
  const path = join(home, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

async function load(name: string, text: string) {
  const path = write(name, text);
  const result = await loadConfiguration(path, { env, cores: 4 });
  assert.ok(result.ok, JSON.stringify(result));
  assert.equal(result.path, path);
  return result;
}

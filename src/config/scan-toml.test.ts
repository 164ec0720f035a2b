import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { scanToml } from "./scan-toml.ts";

const text = `# a comment with [brackets] = "and quotes"
top = 1 # trailing
"quoted key" . inner = 'literal # no comment'

[services.web]
command = """
several "lines" = [not, a, list]"""
escaped = "a \\" b" # x
raw = '''it's'''
list = [ # comment
  "one", 2, # two
  [3, { four = 4 }],
]
inline = { a = 1, b.c = "x", "d" = [] }
when = 2026-11-22T07:00:00Z

[[hosts]]
name = "first"
[[hosts]]
name = "second"
[hosts.more]
deep = true
`;

describe("scanToml", () => {
  const locations = scanToml(text);
  const rows: readonly (readonly [path: readonly (string | number)[], key: string | undefined, value: string])[] = [
    [["top"], "top", "1"],
    [["quoted key"], '"quoted key"', '"quoted key"'],
    [["quoted key", "inner"], "inner", "'literal # no comment'"],
    [["services", "web"], "web", "web"],
    [["services", "web", "command"], "command", '"""\nseveral "lines" = [not, a, list]"""'],
    [["services", "web", "escaped"], "escaped", '"a \\" b"'],
    [["services", "web", "raw"], "raw", "'''it's'''"],
    [["services", "web", "list", 0], undefined, '"one"'],
    [["services", "web", "list", 1], undefined, "2"],
    [["services", "web", "list", 2, 1, "four"], "four", "4"],
    [["services", "web", "inline", "a"], "a", "1"],
    [["services", "web", "inline", "b", "c"], "c", '"x"'],
    [["services", "web", "inline", "d"], '"d"', "[]"],
    [["services", "web", "when"], "when", "2026-11-22T07:00:00Z"],
    [["hosts", 0, "name"], "name", '"first"'],
    [["hosts", 1, "name"], "name", '"second"'],
    [["hosts", 1, "more", "deep"], "deep", "true"],
  ];
  for (const [path, key, value] of rows) {
    it(`finds ${path.join(".")}`, () => {
      const found = locations.get(JSON.stringify(path));
      assert.ok(found !== undefined);
      assert.equal(found.key && text.slice(found.key.start, found.key.end), key);
      assert.equal(text.slice(found.value.start, found.value.end), value);
    });
  }

  it("knows numbers as they are written", () => {
    assert.equal(locations.get('["top"]')?.written, "1");
    assert.equal(locations.get('["services","web","raw"]')?.written, undefined);
  });
});

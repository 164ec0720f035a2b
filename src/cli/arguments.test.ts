import assert from "node:assert/strict";
import { test } from "node:test";
import { LaresError } from "../core/errors.ts";
import { parseArguments, splitCommand } from "./arguments.ts";

const options = {
  follow: { type: "boolean", short: "f", help: "" },
  lines: { type: "string", short: "n", value: "N", help: "" },
} as const;

test("the command is the first word that is no option, wherever global options stand", () => {
  assert.deepEqual(splitCommand(["ls", "--json"]), { command: "ls", words: ["--json"] });
  assert.deepEqual(splitCommand(["--home", "/x", "ls", "api"]), { command: "ls", words: ["--home", "/x", "api"] });
  assert.deepEqual(splitCommand(["--home=/x", "--json", "ls"]), { command: "ls", words: ["--home=/x", "--json"] });
  assert.deepEqual(splitCommand(["--version"]), { command: undefined, words: ["--version"] });
  assert.deepEqual(splitCommand(["--home"]), { command: undefined, words: ["--home"] });
});

test("options are read in every usual spelling, among operands", () => {
  const expected = { values: { follow: true, lines: "5" }, operands: ["api"], rest: undefined };
  for (const words of [
    ["-f", "-n", "5", "api"],
    ["api", "-fn5"],
    ["--lines=5", "api", "--follow"],
  ]) {
    assert.deepEqual(parseArguments(words, options), expected, words.join(" "));
  }
});

test("what follows -- is left as it is", () => {
  const { operands, rest } = parseArguments(["app.js", "--", "-n", "--port", "3"], options);
  assert.deepEqual(operands, ["app.js"]);
  assert.deepEqual(rest, ["-n", "--port", "3"]);
  assert.deepEqual(parseArguments(["--"], options).rest, []);
});

test("an option that cannot be read is a usage error that says what to do", () => {
  const cases: [string[], RegExp, RegExp | undefined][] = [
    [["--folow"], /"--folow": there is no such option/, /--follow/],
    [["-x"], /"-x": there is no such option/, /--help/],
    [["--lines"], /"--lines": its N is missing/, undefined],
    [["--follow=yes"], /"--follow=yes": it takes no value/, undefined],
    [["--toString"], /"--toString": there is no such option/, /--help/],
  ];
  for (const [words, message, hint] of cases) {
    assert.throws(
      () => parseArguments(words, options),
      (error) => {
        assert.ok(error instanceof LaresError && error.code === "usage");
        assert.match(error.message, message);
        if (hint !== undefined) assert.match(error.hint ?? "", hint);
        return true;
      },
    );
  }
});

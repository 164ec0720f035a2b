import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import fc from "fast-check";
import { splitWords } from "./split-words.ts";

describe("splitWords", () => {
  const good: readonly (readonly [string, readonly string[]])[] = [
    ["", []],
    ["node server.js", ["node", "server.js"]],
    ["  a\t b  ", ["a", "b"]],
    [`a 'b c' "d e" f\\ g`, ["a", "b c", "d e", "f g"]],
    [`a '' ""`, ["a", "", ""]],
    [`a"b"'c'd`, ["abcd"]],
    [`"a\\"b\\\\c\\d"`, ['a"b\\c\\d']],
    ["'a\\b'", ["a\\b"]],
    ["run a=b '*' \"|\" '$HOME' a#b a~ 5$", ["run", "a=b", "*", "|", "$HOME", "a#b", "a~", "5$"]],
    ["a \\\nb", ["a", "b"]],
    ["from a block scalar\n", ["from", "a", "block", "scalar"]],
  ];
  for (const [text, words] of good) {
    it(`splits ${JSON.stringify(text)}`, () => assert.deepEqual(splitWords(text), { ok: true, words }));
  }

  const bad: readonly (readonly [string, number, string])[] = [
    ["a | b", 2, "`|` needs a shell"],
    ["a > b", 2, "`>` needs a shell"],
    ["a && b", 2, "`&` needs a shell"],
    ["a; b", 1, "`;` needs a shell"],
    ["(a)", 0, "`(` needs a shell"],
    ["a `b`", 2, "a backquote needs a shell"],
    ['a "`b`"', 3, "a backquote needs a shell"],
    ["a $(b)", 2, "`$(` needs a shell"],
    ["a $HOME", 2, "`$HOME` needs a shell"],
    ['a "$HOME"', 3, "`$HOME` needs a shell"],
    [`a $\{B}`, 2, "`${` needs a shell"],
    ["ls *.js", 3, "the pattern `*` needs a shell"],
    ["ls a?", 4, "the pattern `?` needs a shell"],
    ["cat ~/a", 4, "`~` needs a shell"],
    ["a # b", 2, "`#` begins a comment in a shell"],
    ["A=b c", 0, "setting `A` here needs a shell"],
    ["a\nb", 1, "a second line needs a shell"],
    ["a 'b", 2, "this quote is never closed"],
    ['a "b', 2, "this quote is never closed"],
    ["a \\", 2, "nothing follows this backslash"],
  ];
  for (const [text, offset, message] of bad) {
    it(`refuses ${JSON.stringify(text)}: ${message}`, () => {
      const result = splitWords(text);
      assert.ok(!result.ok);
      assert.deepEqual([result.offset, result.message], [offset, message]);
    });
  }

  it("agrees with /bin/sh on everything it accepts", () => {
    const piece = fc.constantFrom(
      "a",
      "b",
      " ",
      "  ",
      "\t",
      "'",
      '"',
      "\\",
      "\n",
      "=",
      "#",
      "~",
      "$",
      "é",
      "*",
      "|",
      "%s",
      "-",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const text = pieces.join("");
        const result = splitWords(text);
        if (result.ok) assert.deepEqual(result.words, wordsByShell(text), JSON.stringify(text));
      }),
      { numRuns: 400 },
    );
  });
});

/** What /bin/sh makes of the words after a command; a first word keeps a leading `#`, `~` or `=` in the same role. */
function wordsByShell(text: string): readonly string[] {
  const output = execFileSync("/bin/sh", ["-c", `printf '%s\\0' x ${text}`], {
    encoding: "utf8",
    env: { HOME: "/root" },
  });
  return output.split("\0").slice(1, -1);
}

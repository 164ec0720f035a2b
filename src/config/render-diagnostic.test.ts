import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { diagnosticAt, diagnosticOfFile } from "./diagnostic.ts";
import { renderDiagnostic, renderDiagnostics } from "./render-diagnostic.ts";

const text = "first\n\tkey: value\nlast";
const error = { severity: "error", message: "it is wrong" } as const;
const place = { file: "/etc/lares/lares.yaml", text };

describe("renderDiagnostic", () => {
  it("keeps the squiggle under its text after tabs", () => {
    const diagnostic = diagnosticAt(place, { start: 12, end: 17 }, { ...error, hint: "Mend it." });
    assert.equal(
      renderDiagnostic(diagnostic),
      "/etc/lares/lares.yaml:2:7: error: it is wrong\n  2 | \tkey: value\n    | \t     ~~~~~\n  hint: Mend it.",
    );
  });

  it("shows the first line of what goes over several", () => {
    const [, line, squiggle] = renderDiagnostic(diagnosticAt(place, { start: 0, end: 20 }, error)).split("\n");
    assert.deepEqual([line, squiggle], ["  1 | first", "    | ~~~~~"]);
  });

  it("points behind the end of the text", () => {
    const { line, column, length } = diagnosticAt(place, { start: 99, end: 100 }, error);
    assert.deepEqual({ line, column, length }, { line: 3, column: 5, length: 1 });
  });

  it("shows no control character of a file, and keeps the squiggle where it was", () => {
    const hostile = { file: "a.yaml", text: "a\u001b[31m: \u009b" };
    const shown = renderDiagnostic(diagnosticAt(hostile, { start: 8, end: 9 }, { ...error, message: "no \u0007" }));
    assert.equal(shown, "a.yaml:1:9: error: no \ufffd\n  1 | a\ufffd[31m: \ufffd\n    |         ~");
  });

  it("shortens paths below a directory, and no others", () => {
    const diagnostic = diagnosticOfFile("/etc/lares/a.yaml", "it is gone");
    assert.equal(renderDiagnostic(diagnostic, { relativeTo: "/etc/lares/" }), "a.yaml: error: it is gone");
    assert.equal(renderDiagnostic(diagnostic, { relativeTo: "/etc/lar" }), "/etc/lares/a.yaml: error: it is gone");
  });

  it("colours when asked, and leaves the same text", () => {
    const diagnostic = diagnosticAt(
      place,
      { start: 0, end: 5 },
      { severity: "warning", message: "odd", hint: "Look." },
    );
    const colored = renderDiagnostic(diagnostic, { color: true });
    assert.ok(colored.includes("\u001b[33mwarning\u001b[39m"));
    assert.equal(stripVTControlCharacters(colored), renderDiagnostic(diagnostic));
  });

  it("leaves an empty line between several", () => {
    const diagnostic = diagnosticOfFile("a", "b");
    assert.equal(renderDiagnostics([diagnostic, diagnostic]), "a: error: b\n\na: error: b");
  });
});

/** A copy of the installed package that a test may break. */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { lares } from "../e2e/commands.ts";
import { Rig } from "../e2e/rig.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** The package that the command under test is part of. */
const source = dirname(dirname(lares));

/** A home whose commands are those of its own copy of the package. */
export class InstalledRig extends Rig {
  readonly #package: string;

  static create(): InstalledRig {
    return new InstalledRig(mkdtempSync(join(tmpdir(), "lares-installed-")));
  }

  constructor(directory: string) {
    super(directory);
    this.#package = join(directory, "package");
    for (const name of ["bin", "dist", "package.json"]) {
      cpSync(join(source, name), join(this.#package, name), { recursive: true });
    }
    symlinkSync(join(root, "node_modules"), join(this.#package, "node_modules"));
    this.command = join(this.#package, "bin/lares");
  }

  /**
   * Installs another version.
   *
   * @param change from the text of a file of `dist/` to the new one
   * @returns a function that puts the old one back
   */
  install(change: (text: string, name: string) => string): () => void {
    const dist = join(this.#package, "dist");
    const names = readdirSync(dist).filter((name) => name.endsWith(".js"));
    const changed = names.flatMap((name) => {
      const before = readFileSync(join(dist, name), "utf8");
      const after = change(before, name);
      return after === before ? [] : [{ path: join(dist, name), before, after }];
    });
    assert.ok(changed.length > 0, "nothing of the package was changed");
    // As npm does: new files, not the old ones written over.
    for (const { path, after } of changed) replace(path, after);
    return () => {
      for (const { path, before } of changed) replace(path, before);
    };
  }
}

function replace(path: string, text: string): void {
  rmSync(path);
  writeFileSync(path, text);
}

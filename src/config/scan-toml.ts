import type { Location, Range } from "./diagnostic.ts";

/**
 * Finds where each key and value of a TOML document stands.
 *
 * The parser gives values without positions. This scanner is run after it, on a document known to be valid, and so need not
 * judge: it only has to find where tokens end (TOML 1.0.0, https://toml.io/en/v1.0.0).
 *
 * @returns locations by path, each path as JSON
 */
export function scanToml(text: string): ReadonlyMap<string, Location> {
  return new TomlScanner(text).run();
}

interface Key {
  readonly name: string;
  readonly range: Range;
}

type KeyPath = readonly (string | number)[];

class TomlScanner {
  readonly #text: string;
  readonly #locations = new Map<string, Location>();
  /** How many tables `[[name]]` has had so far. */
  readonly #tableCounts = new Map<string, number>();
  #at = 0;
  #table: KeyPath = [];

  constructor(text: string) {
    this.#text = text;
  }

  run(): ReadonlyMap<string, Location> {
    for (this.#skip(); this.#at < this.#text.length; this.#skip()) {
      if (this.#peek() === "[") this.#header();
      else this.#entry(this.#table);
    }
    return this.#locations;
  }

  #header(): void {
    const isList = this.#text.startsWith("[[", this.#at);
    this.#at += isList ? 2 : 1;
    let path: (string | number)[] = [];
    for (const { name, range } of this.#keys()) {
      path = [...this.#current(path), name];
      this.#record(path, { key: range, value: range });
    }
    this.#at += isList ? 2 : 1;
    if (isList) {
      const id = JSON.stringify(path);
      this.#tableCounts.set(id, (this.#tableCounts.get(id) ?? 0) + 1);
    }
    this.#table = this.#current(path);
  }

  /** Below a list of tables, a path goes through the last of them. */
  #current(path: KeyPath): (string | number)[] {
    const count = this.#tableCounts.get(JSON.stringify(path));
    return count === undefined ? [...path] : [...path, count - 1];
  }

  #entry(table: KeyPath): void {
    const keys = this.#keys();
    this.#at++;
    this.#skip();
    const path = [...table, ...keys.map((key) => key.name)];
    const value = this.#value(path);
    const written = this.#text.slice(value.start, value.end);
    keys.forEach(({ range }, index) => {
      const isLast = index === keys.length - 1;
      const location = isLast
        ? { key: range, value, ...(/^[\w+-]/.test(written) && { written }) }
        : { key: range, value: range };
      this.#record([...table, ...keys.slice(0, index + 1).map((key) => key.name)], location);
    });
  }

  /** A dotted key, up to the `=` or `]` that follows it. */
  #keys(): Key[] {
    const keys: Key[] = [];
    for (;;) {
      this.#skip();
      keys.push(this.#key());
      this.#skip();
      if (this.#peek() !== ".") return keys;
      this.#at++;
    }
  }

  #key(): Key {
    const start = this.#at;
    const quote = this.#peek();
    if (quote !== '"' && quote !== "'") {
      this.#match(/[\w-]+/y);
      return { name: this.#text.slice(start, this.#at), range: { start, end: this.#at } };
    }
    this.#string();
    const inner = this.#text.slice(start + 1, this.#at - 1);
    return { name: quote === "'" ? inner : JSON.parse(`"${inner}"`), range: { start, end: this.#at } };
  }

  #value(path: KeyPath): Range {
    const start = this.#at;
    const first = this.#peek();
    if (first === '"' || first === "'") this.#string();
    else if (first === "[") this.#list(path);
    else if (first === "{") this.#inlineTable(path);
    else {
      this.#match(/[^,\]}#\n]*/y);
      this.#at = start + this.#text.slice(start, this.#at).trimEnd().length;
    }
    return { start, end: this.#at };
  }

  #string(): void {
    const matched =
      this.#match(/"""(?:\\[\s\S]|[^\\])*?"{3,5}(?!")/y) ||
      this.#match(/'''[\s\S]*?'{3,5}(?!')/y) ||
      this.#match(/"(?:\\.|[^"\\\n])*"/y) ||
      this.#match(/'[^'\n]*'/y);
    if (!matched) this.#at = this.#text.length;
  }

  #list(path: KeyPath): void {
    this.#at++;
    for (let index = 0; ; index++) {
      this.#skip();
      if (this.#peek() === "]" || this.#peek() === "") break;
      this.#record([...path, index], { value: this.#value([...path, index]) });
      this.#skipComma();
    }
    this.#at++;
  }

  #inlineTable(path: KeyPath): void {
    this.#at++;
    for (;;) {
      this.#skip();
      if (this.#peek() === "}" || this.#peek() === "") break;
      this.#entry(path);
      this.#skipComma();
    }
    this.#at++;
  }

  #skipComma(): void {
    this.#skip();
    if (this.#peek() === ",") this.#at++;
  }

  /** White space, newlines and comments. */
  #skip(): void {
    this.#match(/(?:\s|#[^\n]*)*/y);
  }

  #match(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    this.#at += found?.[0].length ?? 0;
    return found !== null;
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }

  #record(path: KeyPath, location: Location): void {
    const id = JSON.stringify(path);
    if (!this.#locations.has(id)) this.#locations.set(id, location);
  }
}

/** The words of a command line, or the place of what only a shell could do. */
export type SplitResult =
  | { readonly ok: true; readonly words: readonly string[] }
  | {
      readonly ok: false;
      readonly message: string;
      readonly offset: number;
      readonly length: number;
      /** False when a shell would not understand it either. */
      readonly needsShell: boolean;
    };

const operators = new Set(["|", ">", "<", ";", "&", "(", ")", "`", "\n"]);
const globs = new Set(["*", "?", "["]);

/**
 * Splits a command line into words as a POSIX shell does (XCU 2.2, Quoting), but expands nothing.
 *
 * What a shell would act upon (operators, globs, `$`, a leading `~`, comments, assignments) is refused rather than passed on
 * as text: who writes it expects a shell.
 *
 * @example splitWords(`node -e 'a b' "c d" e\\ f`) // words: ["node", "-e", "a b", "c d", "e f"]
 */
export function splitWords(text: string): SplitResult {
  const splitter = new Splitter(text);
  try {
    return { ok: true, words: splitter.run() };
  } catch (error) {
    if (error instanceof Refusal) {
      const { message, offset, length } = error;
      return { ok: false, message, offset, length, needsShell: !(error instanceof Unfinished) };
    }
    throw error;
  }
}

class Refusal extends Error {
  readonly offset: number;
  readonly length: number;

  constructor(message: string, offset: number, length = 1) {
    super(message);
    this.offset = offset;
    this.length = length;
  }
}

/** A quote without its end, or a backslash with nothing after it. */
class Unfinished extends Refusal {}

class Splitter {
  readonly #text: string;
  readonly #words: string[] = [];
  #at = 0;
  /** Undefined between words; a pair of quotes makes an empty word. */
  #word: string | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  run(): readonly string[] {
    this.#refuseAssignment();
    while (this.#at < this.#text.length) this.#unquoted(this.#text.charAt(this.#at));
    this.#endWord();
    return this.#words;
  }

  #unquoted(char: string): void {
    if (char === "'") this.#single();
    else if (char === '"') this.#double();
    else if (char === "\\") this.#escape();
    else this.#plain(char);
  }

  #plain(char: string): void {
    const isBlank = char === " " || char === "\t";
    // A newline at the end (a YAML block scalar has one) ends the line; within the text it would begin a second command.
    if (isBlank || (char === "\n" && this.#text.slice(this.#at).trim() === "")) this.#endWord();
    else if (operators.has(char)) throw new Refusal(`${show(char)} needs a shell`, this.#at);
    else if (globs.has(char)) throw new Refusal(`the pattern \`${char}\` needs a shell`, this.#at);
    else if (char === "$") this.#dollar();
    else if (this.#word === undefined && char === "~") throw new Refusal("`~` needs a shell", this.#at);
    else if (this.#word === undefined && char === "#") throw new Refusal("`#` begins a comment in a shell", this.#at);
    else this.#append(char);
    this.#at++;
  }

  #single(): void {
    const end = this.#text.indexOf("'", this.#at + 1);
    if (end < 0) throw new Unfinished("this quote is never closed", this.#at);
    this.#append(this.#text.slice(this.#at + 1, end));
    this.#at = end + 1;
  }

  #double(): void {
    const start = this.#at++;
    this.#append("");
    for (;;) {
      const char = this.#text.charAt(this.#at);
      if (char === "") throw new Unfinished("this quote is never closed", start);
      if (char === '"') break;
      if (char === "`") throw new Refusal(`${show(char)} needs a shell`, this.#at);
      if (char === "\\") this.#doubleEscape();
      else if (char === "$") this.#dollar();
      else this.#append(char);
      this.#at++;
    }
    this.#at++;
  }

  /** Within double quotes a backslash only escapes what would be special there. */
  #doubleEscape(): void {
    const next = this.#text.charAt(this.#at + 1);
    if (next !== "" && '$`"\\\n'.includes(next)) {
      this.#at++;
      if (next !== "\n") this.#append(next);
    } else this.#append("\\");
  }

  #escape(): void {
    const next = this.#text.charAt(this.#at + 1);
    if (next === "") throw new Unfinished("nothing follows this backslash", this.#at);
    // An escaped newline joins two lines and is no character.
    if (next !== "\n") this.#append(next);
    this.#at += 2;
  }

  #dollar(): void {
    const expansion = /^\$(?:[A-Za-z_]\w*|[({@*#?$!0-9-])/.exec(this.#text.slice(this.#at));
    if (expansion !== null) throw new Refusal(`\`${expansion[0]}\` needs a shell`, this.#at, expansion[0].length);
    this.#append("$");
  }

  #refuseAssignment(): void {
    const assignment = /^\s*([A-Za-z_]\w*)=/.exec(this.#text);
    if (assignment === null) return;
    const length = assignment[1]?.length ?? 1;
    throw new Refusal(`setting \`${assignment[1]}\` here needs a shell`, assignment[0].length - length - 1, length);
  }

  #append(text: string): void {
    this.#word = (this.#word ?? "") + text;
  }

  #endWord(): void {
    if (this.#word !== undefined) this.#words.push(this.#word);
    this.#word = undefined;
  }
}

function show(char: string): string {
  return char === "\n" ? "a second line" : char === "`" ? "a backquote" : `\`${char}\``;
}

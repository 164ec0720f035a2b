import type { Path, Problem, SourceDocument } from "./diagnostic.ts";

/** A document whose scalars had their variables replaced, and what could not be. */
export interface Substituted {
  readonly document: SourceDocument;
  readonly problems: readonly Problem[];
}

const referencePattern = /\$\$|\$\{(?:(?<name>[A-Za-z_]\w*)(?<fallback>:-[^}]*)?\})?/g;

/**
 * Replaces `${NAME}` and `${NAME:-default}` in every string of a document; `$$` stands for one dollar sign.
 *
 * As in a shell, the default is also taken when the variable is set but empty. A value that was nothing but references and
 * now reads as a number or as `true` or `false` becomes one, so that `instances: ${N}` works.
 */
export function substitute(document: SourceDocument, env: Readonly<Record<string, string | undefined>>): Substituted {
  const problems: Problem[] = [];
  const written = new Map<string, string>();

  const visit = (value: unknown, path: Path): unknown => {
    if (typeof value === "string") {
      if (!value.includes("$")) return value;
      const text = replaceIn(value, { env, path, problems });
      if (text !== value) written.set(JSON.stringify(path), text);
      return /^(?:\$\{[^}]*\})+$/.test(value) ? retype(text) : text;
    }
    if (Array.isArray(value)) return value.map((item, index) => visit(item, [...path, index]));
    if (value === null || typeof value !== "object" || value instanceof Date) return value;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, visit(member, [...path, key])]));
  };

  const locate: SourceDocument["locate"] = (path) => {
    const location = document.locate(path);
    const text = written.get(JSON.stringify(path));
    return location === undefined || text === undefined ? location : { ...location, written: text };
  };
  return { document: { ...document, value: visit(document.value, []), locate }, problems };
}

function replaceIn(
  text: string,
  { env, path, problems }: { env: Readonly<Record<string, string | undefined>>; path: Path; problems: Problem[] },
): string {
  return text.replace(referencePattern, (reference: string, ...rest: unknown[]) => {
    const { name, fallback } = rest.at(-1) as { name?: string; fallback?: string };
    if (reference === "$$") return "$";
    if (name === undefined) {
      const message = "`${` begins no variable that can be replaced";
      problems.push({ path, part: reference, message, hint: `Write \`\${NAME}\`, or \`$\${\` for a literal \`\${\`.` });
      return reference;
    }
    const value = env[name];
    if (fallback !== undefined) return value || fallback.slice(2);
    if (value !== undefined) return value;
    const hint = `Set ${name}, or give a default: \${${name}:-value}.`;
    problems.push({ path, part: reference, message: `the environment variable \`${name}\` is not set`, hint });
    return "";
  });
}

function retype(text: string): string | number | boolean {
  if (text === "true" || text === "false") return text === "true";
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(text) ? Number(text) : text;
}

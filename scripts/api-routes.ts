import { accessRules } from "../src/api/access.ts";
import type { Route } from "../src/api/route.ts";
import { routes } from "../src/api/routes.ts";

const block = /(<!-- routes: [^>]* -->\n)[\s\S]*?(\n<!-- end of routes -->)/;

/** A page of documentation, its list of routes made anew from the table. */
export function withRoutes(page: string): string {
  if (!block.test(page)) throw new Error("the page has no list of routes to put in its place");
  return page.replace(block, (_, begin, end) => `${begin}\n${listOfRoutes()}\n${end}`);
}

function listOfRoutes(): string {
  const rows = routes.map(
    (route) =>
      `| \`${route.method} ${route.path}\` | ${route.summary} | ${taken(route)} | ${given(route)} | ${route.access} |`,
  );
  const rules = Object.entries(accessRules).map(([name, { description }]) => `- \`${name}\`: ${description}`);
  const table = ["| route | for | takes | gives | access |", "|---|---|---|---|---|", ...rows];
  return [...table, "", "Who may use it:", "", ...rules].join("\n");
}

function taken({ takes, parameters = {}, path }: Route): string {
  const inQuery = Object.entries(parameters).filter(([name]) => !path.includes(`{${name}}`));
  const queries = inQuery.map(([name, meaning]) => `\`?${name}=\` ${meaning}`);
  return [...(takes ? [`\`${takes}\``] : []), ...queries].join(" ");
}

function given({ gives, many }: Route): string {
  if (many === undefined) return `\`${gives}\``;
  return many === "list" ? `array of \`${gives}\`` : `NDJSON of \`${gives}\``;
}

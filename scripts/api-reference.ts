/** Writes the list of routes in docs/api.md. A test says when it is out of date. */
import { readFile, writeFile } from "node:fs/promises";
import { withRoutes } from "./api-routes.ts";

const page = new URL("../docs/api.md", import.meta.url);
await writeFile(page, withRoutes(await readFile(page, "utf8")));

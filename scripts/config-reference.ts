/** Writes docs/configuration.md from the schema. A test says when it is out of date. */
import { writeFile } from "node:fs/promises";
import { configurationReference } from "../src/config/reference.ts";

await writeFile(new URL("../docs/configuration.md", import.meta.url), await configurationReference());

/** A checkout that was not built yet does all that a built one does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ask } from "../fixtures/register/load.ts";
import { freePort } from "./ports.ts";
import { fixture } from "./reload-subjects.ts";
import { createRig } from "./rig.ts";

test("run from its sources, the supervisor passes a Node program its socket as well", async () => {
  await using rig = createRig();
  const entry = fileURLToPath(new URL("../../src/cli/entry.js", import.meta.url));
  rig.command = rig.write("lares", `#!/bin/sh\nexec '${process.execPath}' '${entry}' "$@"\n`, { mode: 0o755 });
  const port = await freePort();
  const listen = { http: `127.0.0.1:${port}` };
  await rig.up({ web: { command: ["node", fixture("register/http.mjs")], env: { PORT: port }, listen } });
  const before = await rig.pid("web");
  assert.equal(await ask({ port }), String(before));
  await rig.ok("reload", "web");
  assert.equal(await ask({ port }), String(await rig.pid("web")));
  assert.notEqual(await rig.pid("web"), before);
});

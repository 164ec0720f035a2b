import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Rig } from "./daemon-rig.ts";

const command = join(import.meta.dirname, "../../bin/lares");

test("under Lares it gets its listener, is known to be ready, and is reloaded without a refused request", async (context) => {
  const rig = await Rig.open(context);
  const lares = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(command, [...args, "--home", rig.path("home")], { encoding: "utf8" });
    return { status, stdout, stderr };
  };
  context.after(() => lares("down"));
  writeFileSync(
    rig.path("lares.json"),
    JSON.stringify({
      services: {
        mydaemon: {
          command: rig.commandLine(),
          listen: { http: `127.0.0.1:${rig.ports.http}`, health: `127.0.0.1:${rig.ports.health}` },
          ready: { notify: true, timeout: "30s" },
          reload: { settle: "100ms" },
        },
      },
    }),
  );
  const up = lares("up", "-f", rig.path("lares.json"));
  assert.equal(up.status, 0, up.stdout + up.stderr);
  const [instance] = JSON.parse(lares("ls", "--json").stdout);
  assert.deepEqual([instance.state, instance.ready], ["up", true]);
  assert.equal(await rig.get(), `hello from ${instance.pid}\n`);
  const reloaded = lares("reload", "mydaemon");
  assert.equal(reloaded.status, 0, reloaded.stdout + reloaded.stderr);
  assert.doesNotMatch(await rig.get(), new RegExp(`from ${instance.pid}\n`));
});

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { eventually, Rig } from "./daemon-rig.ts";

const command = join(import.meta.dirname, "../../bin/lares");
const entry = new URL("../../src/daemon/index.ts", import.meta.url).href;

/** A supervisor of its own. Its home is not the rig's, which is removed before we get to take it down. */
function supervisor(context: TestContext) {
  const home = mkdtempSync(join(tmpdir(), "lares-supervised-"));
  const lares = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(command, [...args, "--home", home], { encoding: "utf8" });
    return { status, stdout, stderr };
  };
  context.after(() => {
    lares("down");
    rmSync(home, { recursive: true });
  });
  return lares;
}

test("under Lares it gets its listener, is known to be ready, and is reloaded without a refused request", async (context) => {
  const rig = await Rig.open(context);
  const lares = supervisor(context);
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

test("at the soft limit of memory the supervisor replaces it, and only once it is old enough", async (context) => {
  const rig = await Rig.open(context);
  const lares = supervisor(context);
  // The first process finds its memory too large; those after it do not.
  const program = `
    import { writeFileSync } from "node:fs";
    import { defineDaemon } from ${JSON.stringify(entry)};

    const soft = /#1@/.test(process.env.LARES_INSTANCE) ? 1 : 1e12;
    const daemon = defineDaemon({
      name: "hungry",
      guard: { intervalMs: 50, memoryBytes: { soft }, replace: true, replaceAfterMs: 1_000 },
      start: () => ({ stop: () => writeFileSync("age", String(process.uptime())) }),
    });
    await daemon.main(["run"]);`;
  writeFileSync(rig.path("hungry.ts"), program);
  const service = {
    command: [process.execPath, "--disable-warning=ExperimentalWarning", rig.path("hungry.ts")],
    directory: rig.directory,
    ready: { notify: true, timeout: "30s" },
    reload: { settle: "10ms" },
  };
  writeFileSync(rig.path("lares.json"), JSON.stringify({ services: { hungry: service } }));
  const up = lares("up", "-f", rig.path("lares.json"));
  assert.equal(up.status, 0, up.stdout + up.stderr);
  const events = () => lares("events", "--json").stdout;
  await eventually(() => events().includes('"exited"'), "the successor takes over");
  assert.match(events(), /"replacement_requested".*is over the soft limit[\s\S]*"reload_completed"/);
  assert.ok(Number(readFileSync(rig.path("age"), "utf8")) >= 1);
  const [instance] = JSON.parse(lares("ls", "--json").stdout);
  assert.deepEqual([instance.state, instance.generation], ["up", 2]);
});

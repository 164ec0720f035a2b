import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";

const entry = new URL("../../src/daemon/index.ts", import.meta.url).href;

async function run(program: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const flags = ["--disable-warning=ExperimentalWarning", "--input-type=module-typescript"];
  const child = spawn(process.execPath, [...flags, "-e", program], { stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { code, stdout, stderr };
}

test("what outlives the grace period is cut, named, and told by the exit code 124", async () => {
  const program = `
    import { createServer } from "node:http";
    import { defineDaemon } from ${JSON.stringify(entry)};

    const daemon = defineDaemon({
      name: "stubborn",
      graceMs: 300,
      async start({ listen, defer }) {
        const server = createServer(() => process.kill(process.pid, "SIGTERM"));
        const address = await listen(server, { name: "http", port: 0, host: "127.0.0.1" });
        defer("the archive", () => new Promise(() => {}));
        setImmediate(() => fetch("http://" + address).catch(() => {}));
        return undefined;
      },
    });
    await daemon.main(["run"]);`;
  const { code, stdout, stderr } = await run(program);
  assert.equal(code, 124, stdout + stderr);
  assert.match(stderr, /^stubborn: the grace period is over; still open: .*the archive.*listener "http": 1 connection/);
  assert.match(stdout, /connections were cut at the end of the grace period/);
});

test("a hard limit that is passed during the start is obeyed when there is something to stop", async (context) => {
  const crashes = mkdtempSync(join(tmpdir(), "lares-grace-"));
  context.after(() => rmSync(crashes, { recursive: true }));
  const program = `
    import { readdirSync } from "node:fs";
    import { setTimeout as sleep } from "node:timers/promises";
    import { defineDaemon } from ${JSON.stringify(entry)};

    const crashDirectory = ${JSON.stringify(crashes)};
    const daemon = defineDaemon({
      name: "hungry",
      crashDirectory,
      guard: { intervalMs: 10, memoryBytes: { hard: 1 } },
      async start() {
        while (readdirSync(crashDirectory).length === 0) await sleep(10);
        return undefined;
      },
    });
    await daemon.main(["run"]);`;
  const { code, stdout, stderr } = await run(program);
  assert.equal(code, 75, stdout + stderr);
});

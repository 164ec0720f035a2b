/**
 * Logs to a small file system that somebody else has filled, and sees how it ends.
 *
 * usage: node full-disk.ts DIRECTORY FILE|stdout OPTIONS LINES ENDING
 *
 * `freed` makes room again and stops properly, `exit` calls process.exit while the disk is full, `closed` stops properly then.
 * `blocked` makes room from another thread: this one waits for it.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { createLogger } from "../../../src/daemon/log/create-logger.ts";

const [directory = "", target = "", options = "{}", lines = "0", ending = ""] = process.argv.slice(2);
const ballast = join(directory, "ballast");
writeFileSync(ballast, Buffer.alloc(1_850_000));
const file = target === "stdout" ? undefined : join(directory, target);
const makeRoom = `
  const { rmSync, statfsSync } = require("node:fs");
  const pause = new Int32Array(new SharedArrayBuffer(4));
  while (statfsSync(${JSON.stringify(directory)}).bavail > 0) Atomics.wait(pause, 0, 0, 10);
  rmSync(${JSON.stringify(ballast)});`;
if (ending === "blocked") new Worker(makeRoom, { eval: true });
const handle = await createLogger({ name: "d", file, pretty: false, ...JSON.parse(options) });
for (let line = 0; line < Number(lines); line += 1) {
  handle.log.info({ line }, "viele Grüße aus der vollen Scheibe: äöüß €");
  if (line % 50 === 49) await new Promise((resolve) => setImmediate(resolve));
  if (ending === "freed" && line === 3000) rmSync(ballast);
}
// Long enough for a write to have failed.
await handle.flush();
if (ending === "exit") process.exit();
if (ending === "freed") await sleep(600);
await handle[Symbol.asyncDispose]();

/**
 * The forwarder: a process of the supervisor that reads the log files of a home and delivers their lines elsewhere.
 *
 * It is told what to do on its standard input (src/protocol/forward.ts) and ends with it. It may be killed at any time: what
 * it knows is in the saved places. A lock keeps two of a home from running at once.
 */
import { mkdirSync } from "node:fs";
import { setPriority } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { assertNever } from "../core/errors.ts";
import { lockFile } from "../os/process-control.ts";
import { type ForwarderCommand, type ForwarderReport, forwarderLock } from "../protocol/forward.ts";
import { Forwarder } from "./forwarder.ts";

/** The supervisor may have died while its forwarder was delivering: that one has a second. */
const lockLookMs = 50;
const patienceMs = 1000;
/** Services and the capture of their output come first. */
const niceness = 5;

setPriority(niceness);
const forwarder = new Forwarder((event) => report({ report: "event", event }));
let isLocked = false;
// Nobody listens any more: the end of the input comes, too.
process.stdout.on("error", () => {});
for await (const line of createInterface({ input: process.stdin })) await obey(JSON.parse(line));
await forwarder.stop(patienceMs);
process.exit(0);

async function obey(command: ForwarderCommand): Promise<void> {
  switch (command.tell) {
    case "configure":
      if (!isLocked) await lock(command.stateDirectory);
      forwarder.configure(command);
      return;
    case "describe":
      report({ report: "described", id: command.id, sinks: forwarder.describe(command.service) });
      return;
    case "finish":
      void forwarder.finish().then(() => process.exit(0));
      return;
    default:
      assertNever(command);
  }
}

async function lock(directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  while (lockFile(join(directory, forwarderLock)) === undefined) await sleep(lockLookMs);
  isLocked = true;
}

function report(message: ForwarderReport): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

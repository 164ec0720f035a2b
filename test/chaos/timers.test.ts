/** Deadlines go on from where they were when the supervisor died, and so does what it was doing. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { EventView } from "../../src/protocol/api.ts";
import { createRig } from "../e2e/rig.ts";
import { killSupervisor } from "./frozen.ts";

/** What a busy machine may add to a deadline; much less than any of the deadlines here. */
const slackMs = 1200;

test("a stop that was under way is finished: the grace period goes on, and the program is told once", async () => {
  await using rig = createRig();
  const told = join(rig.directory, "told");
  const ignores = rig.write(
    "ignores.sh",
    `#!/bin/sh\ntrap 'echo TERM >>${told}' TERM\nwhile :; do sleep 0.05; done\n`,
    {
      mode: 0o755,
    },
  );
  await rig.up({ deaf: { command: ignores, stop: { grace: "3s" } } });
  const after = await rig.now();
  await rig.ok("stop", "deaf", "--no-wait");
  await rig.becomes("deaf", { state: "stopping" });
  for (let kills = 0; kills < 3; kills++) await killSupervisor(rig);
  const asked = await rig.event({ type: "stop_requested", after });
  const exited = await rig.event({ type: "exited", service: "deaf", after });
  assert.equal(exited.signal, "SIGKILL");
  between(asked, exited, 3000);
  assert.equal(readFileSync(told, "utf8"), "TERM\n");
});

test("a backoff goes on, and a start that takes too long fails when it would have", async () => {
  await using rig = createRig();
  const restart = { delay: "3s", delay_max: "3s", jitter: 0, intensity: 3, period: "1m" };
  await rig.begin({
    crashes: { command: "sh -c 'exit 3'", restart },
    silent: { command: "sleep 1000", ready: { notify: true, timeout: "3s" }, restart: { policy: "never" } },
  });
  // The first restart is at once.
  const crashed = await rig.event({ type: "exited", service: "crashes", generation: 2 });
  for (let kills = 0; kills < 3; kills++) await killSupervisor(rig);
  between(crashed, await rig.event({ type: "spawned", service: "crashes", generation: 3 }), 3000);
  between(
    await rig.event({ type: "spawned", service: "silent" }),
    await rig.event({ type: "readiness_timed_out", service: "silent" }),
    3000,
  );
});

test("a health check and a watchdog begin no new patience with each supervisor", async () => {
  await using rig = createRig();
  const once = "systemd-notify --ready; exec sleep 1000";
  await rig.up({ hung: { command: `sh -c '${once}'`, ready: "notify", health: { watchdog: "3s" } } });
  const ready = await rig.event({ type: "became_ready", service: "hung" });
  for (let kills = 0; kills < 3; kills++) await killSupervisor(rig);
  between(ready, await rig.event({ type: "exited", service: "hung" }), 3000);
});

function between(first: EventView, second: EventView, wantedMs: number): void {
  const ms = Date.parse(second.at) - Date.parse(first.at);
  assert.ok(ms > wantedMs - 50 && ms < wantedMs + slackMs, `${ms} ms instead of ${wantedMs} ms`);
}

import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../../client/client.ts";
import { isDisconnected } from "../../client/errors.ts";
import { LaresError } from "../../core/errors.ts";
import type { EventView, SupervisorView } from "../../protocol/api.ts";
import { defineCommand } from "../command.ts";

const pollMs = 20;
/** A new version that cannot start is tried twice before the old one is put back. */
const patienceMs = 30_000;

export const command = defineCommand({
  usage: "upgrade",
  description:
    "Replaces the supervisor by one of the version that is installed now. Services run on and notice nothing.\n" +
    "If the new version cannot start, the old one is put back; exit code 1.",
  options: {},
  examples: ["npm install --global lares && lares upgrade"],
  async run({ client, json, terminal }) {
    const before = await client.supervisor();
    await client.action({ action: "upgrade", targets: [] });
    const after = await untilReplaced(client, before);
    const { recovered, failure } = await outcome(client, before.seq);
    if (failure !== undefined) {
      throw new LaresError("operation_failed", `Cannot upgrade from ${before.version}: ${failure.cause}`, {
        hint: `See what the new version said in "${after.home.log}/supervisor.log".`,
      });
    }
    const adopted = Number(recovered?.adopted ?? 0);
    if (json) terminal.write(`${JSON.stringify({ from: before.version, to: after.version, adopted }, null, 1)}\n`);
    else terminal.write(`upgraded: ${before.version} → ${after.version}, ${countOf(adopted)} adopted\n`);
    return 0;
  },
});

async function untilReplaced(client: Client, before: SupervisorView): Promise<SupervisorView> {
  for (const deadlineMs = performance.now() + patienceMs; ; await sleep(pollMs)) {
    try {
      const now = await client.supervisor();
      if (now.pid !== before.pid) return now;
    } catch (error) {
      if (!isDisconnected(error)) throw error;
    }
    if (performance.now() > deadlineMs) throw neverAnswered(before);
  }
}

/** What the new supervisor recorded of its beginning. */
async function outcome(client: Client, seq: number) {
  let [recovered, failure]: (EventView | undefined)[] = [];
  for await (const event of client.events({ since: seq })) {
    if (event.type === "supervisor_recovered") recovered = event;
    if (event.type === "upgrade_failed") failure = event;
  }
  return { recovered, failure };
}

function neverAnswered({ home }: SupervisorView): LaresError {
  return new LaresError("timed_out", `Cannot upgrade: no new supervisor answered within ${patienceMs / 1000} s`, {
    hint: `See why in "${home.log}/supervisor.log"; services run on meanwhile.`,
  });
}

function countOf(adopted: number): string {
  return `${adopted} ${adopted === 1 ? "instance" : "instances"}`;
}

/** An operator who never rests: reloads, stops, starts, scales. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../../src/client/client.ts";
import type { ActionRequest } from "../../src/protocol/api.ts";
import type { Random } from "../simulation/random.ts";
import type { Member, Role } from "./household.ts";

export interface Operator {
  /** How many commands were accepted. */
  readonly commands: number;
  end(): Promise<void>;
}

/** Gives a random command every half a second or so. One that meets a dead supervisor is not given again. */
export function startOperator(client: Client, { members, random }: { members: readonly Member[]; random: Random }) {
  const ending = new AbortController();
  const operator = { commands: 0, end };
  const done = work();
  return operator satisfies Operator;

  async function work(): Promise<void> {
    while (!ending.signal.aborted) {
      await sleep(random.int(100, 900));
      const { name, role } = random.pick(members.filter((member) => commandable.includes(member.role)));
      const request = commandFor(role, { targets: [name], random });
      await client.action(request).then(
        () => {
          operator.commands += 1;
        },
        // It was killed just now, or the service is busy with the command before.
        () => {},
      );
    }
  }

  async function end(): Promise<void> {
    ending.abort();
    await done;
  }
}

const commandable: readonly Role[] = ["server", "switched", "stubborn", "pool"];

function commandFor(role: Role, { targets, random }: { targets: readonly string[]; random: Random }): ActionRequest {
  if (role === "server") return { action: "reload", targets };
  if (role === "pool") return { action: "scale", targets, instances: random.int(1, 4) };
  return { action: random.chance(0.5) ? "stop" : "start", targets };
}

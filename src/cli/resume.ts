import { LaresError } from "../core/errors.ts";
import type { Context } from "./command.ts";
import { finish, type Patience } from "./wait/finish.ts";
import type { Goal } from "./wait/goals.ts";
import { tasksAmong } from "./wait/tasks.ts";

/**
 * `up` without a file: waits for what the supervisor remembers.
 *
 * @param what `restored` tells whether the supervisor was started just now.
 * @throws LaresError `invalid_configuration` when it remembers nothing.
 */
export async function resume(
  context: Context,
  what: { readonly patience: Patience; readonly restored: boolean },
): Promise<void> {
  const { client, homes, terminal } = context;
  const { seq } = await client.supervisor();
  const wanted = (await client.instances({ usage: false })).filter(
    ({ desired, state }) => desired === "up" && state !== "completed",
  );
  if (wanted.length === 0) {
    throw new LaresError(
      "invalid_configuration",
      "Cannot bring anything up: there is no file, and nothing ran before",
      {
        hint: `Name a file with \`-f FILE\`, write "${homes.configDirectory}/lares.yaml", or start a program with \`lares start PROGRAM\`.`,
      },
    );
  }
  if (!context.json) {
    const said = what.restored ? "no file: starting again what ran before" : "no file: the supervisor runs already";
    terminal.write(`${said}\n`);
  }
  const tasks = await tasksAmong(wanted, client);
  const goals = wanted.map(({ service, slot, generation }): Goal => {
    return { kind: "running", service, slot, generation, task: tasks.has(service) };
  });
  const instances = await finish(context, { verb: "bring up", goals, seq, patience: what.patience });
  if (context.json) terminal.write(`${JSON.stringify({ seq, instances }, null, 1)}\n`);
}

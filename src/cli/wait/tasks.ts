import type { Client } from "../../client/client.ts";
import { all } from "../names.ts";

/** Which services of a list are tasks: they are not done when they are up, but when they have completed. */
export async function tasksAmong(
  targets: readonly { readonly service: string }[],
  client: Pick<Client, "service" | "services">,
): Promise<ReadonlySet<string>> {
  const names = [...new Set(targets.map(({ service }) => service))];
  const [only] = names;
  if (only === undefined) return new Set();
  const views = names.length === 1 && only !== all ? [await client.service(only)] : await client.services();
  return new Set(views.filter(({ spec }) => spec.kind === "task").map(({ service }) => service));
}

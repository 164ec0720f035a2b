import type { Client } from "../../client/client.ts";
import { LaresError } from "../../core/errors.ts";
import type { ServiceView } from "../../protocol/api.ts";
import { all } from "../names.ts";

/**
 * Which services of a list are tasks: they are not done when they are up, but when they have completed. A service that does
 * not exist is none: whoever then acts on it is told so, with what was to be done.
 */
export async function tasksAmong(
  targets: readonly { readonly service: string }[],
  client: Pick<Client, "service" | "services">,
): Promise<ReadonlySet<string>> {
  const names = [...new Set(targets.map(({ service }) => service))];
  const [only] = names;
  if (only === undefined) return new Set();
  const views = names.length === 1 && only !== all ? await oneOrNone(only, client) : await client.services();
  return new Set(views.filter(({ spec }) => spec.kind === "task").map(({ service }) => service));
}

async function oneOrNone(name: string, client: Pick<Client, "service">): Promise<readonly ServiceView[]> {
  try {
    return [await client.service(name)];
  } catch (error) {
    if (error instanceof LaresError && error.code === "no_such_service") return [];
    throw error;
  }
}

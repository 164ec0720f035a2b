import { LaresError } from "../../core/errors.ts";
import { routes } from "../../protocol/api.ts";
import type { Route } from "../route.ts";

/** A follower that reads more slowly than events come is let go rather than waited for. */
const unreadBytesMax = 4 * 1024 * 1024;

/** Past events, and with `follow` those to come. */
export const events: Route = {
  method: "GET",
  path: routes.events,
  access: "owner",
  summary: "What the supervisor saw and decided",
  parameters: {
    since: "An event's number, to begin after it; or a time (ISO 8601), to begin there. Otherwise all that is kept.",
    follow: "With `1` the stream goes on with what happens.",
  },
  gives: "EventView",
  many: "stream",
  answer: ({ supervisor, query, request, response }) => {
    const past = supervisor.events.since(readSince(query.get("since")));
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    response.write(past.map((event) => `${JSON.stringify(event)}\n`).join(""));
    if (query.get("follow") !== "1") {
      response.end();
      return undefined;
    }
    const stop = supervisor.events.follow((event) => {
      response.write(`${JSON.stringify(event)}\n`);
      if (response.writableLength > unreadBytesMax) response.destroy();
    });
    request.on("close", stop);
    response.on("close", stop);
    return undefined;
  },
};

function readSince(since: string | null): { readonly seq?: number; readonly atMs?: number } {
  if (since === null || since === "") return {};
  if (/^\d+$/.test(since)) return { seq: Number(since) };
  const atMs = Date.parse(since);
  if (!Number.isNaN(atMs)) return { atMs };
  throw new LaresError("usage", `Cannot list events since "${since}": it is neither a number nor a time`, {
    hint: "Give an event's number, or a time as in 2026-01-31T12:00:00Z.",
  });
}

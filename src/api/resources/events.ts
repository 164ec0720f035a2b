import { LaresError } from "../../core/errors.ts";
import type { Route } from "../route.ts";

/** A follower that reads more slowly than events come is let go rather than waited for. */
const unreadBytesMax = 4 * 1024 * 1024;

/** `GET /v1/events?since=SEQ|ISO&follow=1`, as NDJSON */
export const events: Route = {
  method: "GET",
  pattern: /^\/v1\/events$/,
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

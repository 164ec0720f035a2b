/** The programs that are reloaded in a trial; none of them knows of Lares. */
import path from "node:path";
import type { Target } from "./http-load.ts";

export interface Subject {
  readonly name: string;
  readonly target: Target;
  readonly service: Readonly<Record<string, unknown>>;
}

const root = path.join(import.meta.dirname, "..");
const registered = (file: string) => path.join(root, "test/fixtures/register", file);
export const plainNode = registered("http.mjs");
/** Soon enough for a reload every two seconds. */
const reload = { settle: "200ms" };

/** @param directory for the socket file; ports are below those that the kernel gives to clients, of which thousands are used */
export function subjectsIn(directory: string): readonly Subject[] {
  const socket = path.join(directory, "app.sock");
  return [
    onPort("node http", 17_301, { command: ["node", plainNode], env: { PORT: "17301" } }),
    onPort("express", 17_302, { command: ["node", registered("express.mjs")], env: { PORT: "17302" } }),
    onPort("python", 17_303, {
      command: ["python3", "-u", path.join(root, "examples/other-languages/python-http/server.py")],
      ready: "notify",
    }),
    {
      name: "unix socket",
      target: { path: socket },
      service: {
        command: ["node", registered("unix.mjs")],
        env: { SOCKET: socket },
        listen: { http: `unix:${socket}` },
        instances: 2,
        reload,
      },
    },
  ];
}

/** What a version does that is as bad as the file `mode` in the directory says. */
export const misdeeds = ["throws", "mute", "dies", "sick"] as const;

/** A program whose next start does what the file `mode` says: `good`, or a misdeed. */
export function versionedIn(directory: string): Subject {
  return onPort("node http", 17_305, {
    command: ["node", path.join(root, "test/fixtures/reload/versioned.mjs")],
    env: { PORT: "17305", MODE_FILE: path.join(directory, "mode") },
    ready: { timeout: "1s" },
    // Each instance is asked itself, although both listen there.
    health: { http: "http://127.0.0.1:17305/health", interval: "200ms", timeout: "200ms", failures: 2 },
    reload: { settle: "500ms" },
  });
}

function onPort(name: string, port: number, service: Readonly<Record<string, unknown>>): Subject {
  const listen = { http: `127.0.0.1:${port}` };
  return { name, target: { host: "127.0.0.1", port }, service: { listen, instances: 2, reload, ...service } };
}

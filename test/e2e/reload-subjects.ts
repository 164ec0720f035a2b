/** The programs that reloads are tried with: none of them knows of Lares. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Target } from "../fixtures/register/load.ts";
import { freePort } from "./ports.ts";
import type { Rig } from "./rig.ts";

/** A service that answers HTTP requests, and where. */
export interface Subject {
  readonly service: object;
  readonly target: Target;
}

export type SubjectName = "plain Node" | "Express" | "Python" | "a shared unix socket";

/** Short enough for a test, long enough that a successor that dies at once is seen to. */
const reload = { settle: "200ms" };

const makers: Readonly<Record<SubjectName, (rig: Rig) => Promise<Subject>>> = {
  "plain Node": () => onPort((port) => ({ command: ["node", fixture("register/http.mjs")], env: { PORT: port } })),
  Express: () => onPort((port) => ({ command: ["node", fixture("register/express.mjs")], env: { PORT: port } })),
  Python: () => onPort(() => ({ command: ["python3", "-u", example("python-http/server.py")], ready: "notify" })),
  "a shared unix socket": async (rig) => {
    const socketPath = join(rig.directory, "app.sock");
    const command = ["node", fixture("register/unix.mjs")];
    return {
      service: { command, env: { SOCKET: socketPath }, listen: { http: `unix:${socketPath}` }, instances: 2, reload },
      target: { socketPath },
    };
  },
};

export const subjectNames = Object.keys(makers) as readonly SubjectName[];

/** A service of two instances. */
export function subject(name: SubjectName, rig: Rig): Promise<Subject> {
  return makers[name](rig);
}

export function fixture(path: string): string {
  return fileURLToPath(new URL(`../fixtures/${path}`, import.meta.url));
}

export function example(path: string): string {
  return fileURLToPath(new URL(`../../examples/other-languages/${path}`, import.meta.url));
}

async function onPort(service: (port: number) => object): Promise<Subject> {
  const port = await freePort();
  return {
    service: { ...service(port), listen: { http: `127.0.0.1:${port}` }, instances: 2, reload },
    target: { port },
  };
}

import { once } from "node:events";
import { createServer, type Server } from "node:net";

/** Below those that the kernel gives to clients by itself, and above those that Lares asks its questions from. */
const range = { from: 30_000, count: 2700 } as const;

/**
 * A port on loopback that nobody has, and that no other test gets as long as this process lives, although nobody listens
 * there yet.
 */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < range.count; tried++) {
    const port = range.from + Math.floor(Math.random() * range.count);
    if ((await isReserved(port)) && (await isFree(port))) return port;
  }
  throw new Error("every port is taken");
}

/** A server that accepts and says nothing. */
export async function listening(): Promise<Server> {
  const server = createServer((socket) => socket.on("error", () => {}).resume());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/** Takes a name that the kernel gives to one process at a time, and frees when that ends. */
async function isReserved(port: number): Promise<boolean> {
  const server = createServer().unref();
  return opens(server.listen(`\0lares-test-port-${port}`));
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  if (!(await opens(server.listen(port)))) return false;
  server.close();
  await once(server, "close");
  return true;
}

function opens(server: Server): Promise<boolean> {
  return once(server, "listening").then(
    () => true,
    () => false,
  );
}

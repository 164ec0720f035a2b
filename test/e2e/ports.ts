import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";

/** A port on loopback that nobody has just now. */
export async function freePort(): Promise<number> {
  const server = await listening();
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** A server that accepts and says nothing. */
export async function listening(): Promise<Server> {
  const server = createServer((socket) => socket.on("error", () => {}).resume());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

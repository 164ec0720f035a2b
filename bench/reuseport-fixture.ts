/** One bare process of the throughput trial: it shares the port with others, and nobody is in between. */
import { createServer } from "node:http";

const server = createServer((_request, response) => response.end(`${process.pid}`));
server.listen({ port: Number(process.env.PORT), host: "127.0.0.1", reusePort: true });

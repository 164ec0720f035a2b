import { createServer } from "node:http";

const { LARES_SERVICE = "web", LARES_SLOT = "0" } = process.env;

const server = createServer((request, response) => {
  if (request.url === "/healthz") return response.end("ok\n");
  console.log(`${request.method} ${request.url}`);
  response.end(`Hello from ${LARES_SERVICE}/${LARES_SLOT}, pid ${process.pid}\n`);
});

server.listen(8080, "127.0.0.1", () => console.log("listening on http://127.0.0.1:8080"));

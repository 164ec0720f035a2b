import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { keeperName } from "../protocol/keeper-name.ts";
import { openClient } from "./client.ts";

const answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]";

test("what reads is asked again while a keeper lives, and nothing else is", async (context) => {
  const { home, client } = await homeWithKeeper(context);
  const server = await listen(home, context, { losesFirst: 2 });
  assert.deepEqual(await client.instances(), []);
  assert.equal(server.count, 3);
  const changing = await listen(home, context, { losesFirst: 1 });
  await assert.rejects(client.action({ action: "restart", targets: ["web"] }), {
    code: "io",
    message: "Cannot tell whether the request was carried out: its answer was lost",
  });
  assert.equal(changing.count, 1);
});

test("what could not be sent yet is sent once somebody listens", async (context) => {
  const { home, client } = await homeWithKeeper(context);
  const action = client.action({ action: "restart", targets: ["web"] });
  const server = await listen(home, context, { losesFirst: 0 });
  await action;
  assert.equal(server.count, 1);
});

test("a pid that passed on to another process is no keeper", async (context) => {
  const { home, client } = await homeWithKeeper(context);
  writeFileSync(join(home, "keeper.pid"), `${process.pid}\n`);
  await assert.rejects(client.instances(), { code: "no_supervisor" });
});

test("the keeper of another home is not waited for", async (context) => {
  const { home, client } = await homeWithKeeper(context, { mark: join(tmpdir(), "recovered") });
  await assert.rejects(client.instances(), { code: "no_supervisor" });
  const server = await listen(home, context, { losesFirst: 1 });
  await assert.rejects(client.instances(), { code: "io" });
  assert.equal(server.count, 1);
});

/** A run directory, and a process that looks as its keeper does. */
async function homeWithKeeper(context: TestContext, options: { readonly mark?: string } = {}) {
  const home = mkdtempSync(join(tmpdir(), "lares-reconnect-"));
  const mark = options.mark ?? join(home, "recovered");
  const keeper = spawn("/bin/sh", ["-c", "echo; read _", keeperName, "node", "main", "fallback", mark]);
  context.after(() => end(keeper).then(() => rmSync(home, { recursive: true })));
  // Its command line is its own by now.
  await once(keeper.stdout, "data");
  writeFileSync(join(home, "keeper.pid"), `${keeper.pid}\n`);
  return { home, client: openClient({ socketPath: join(home, "lares.sock"), patient: true }) };
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.stdin?.end();
  await ended;
}

/** Breaks the first connections when a request has come, and answers the others. */
async function listen(home: string, context: TestContext, { losesFirst }: { readonly losesFirst: number }) {
  const seen = { count: 0 };
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      seen.count += 1;
      if (seen.count <= losesFirst) socket.destroy();
      else socket.end(answer);
    });
  });
  const path = join(home, "lares.sock");
  rmSync(path, { force: true });
  server.listen(path);
  await once(server, "listening");
  context.after(() => server.close());
  return seen;
}

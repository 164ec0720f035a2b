import assert from "node:assert/strict";
import { test } from "node:test";
import type { Problem } from "./diagnostic.ts";
import { normaliseService } from "./normalise.ts";
import type { ServiceInput } from "./schema.ts";

test("`listening` of a Node program that is passed its socket is asked through the preload", () => {
  const { spec, problems } = normalise({ command: "node a", listen: { a: 1 }, ready: "listening" });
  assert.deepEqual(problems, []);
  assert.deepEqual(spec.ready, { by: "fd", fd: 4, timeoutMs: 30_000 });
  assert.deepEqual(spec.env, { LARES_READY_FD: "4" });
});

test("its timeout is kept", () => {
  const { spec } = normalise({ command: "node a", listen: { a: 1 }, ready: { listening: true, timeout: "1s" } });
  assert.deepEqual(spec.ready, { by: "fd", fd: 4, timeoutMs: 1_000 });
});

test("whether any other program listens cannot be seen once it was passed a socket, and that is said", () => {
  for (const other of [{ command: "./a" }, { command: "node a", register: false }]) {
    const { problems } = normalise({ ...other, listen: { a: 1 }, ready: "listening" });
    const message = "`listening` has no effect: the sockets under `listen` listen before the program runs";
    assert.deepEqual(
      problems.map((problem) => [problem.severity, problem.message]),
      [["warning", message]],
    );
  }
});

function normalise(input: Partial<ServiceInput>) {
  const problems: Problem[] = [];
  const document = { file: "/srv/lares.yaml", text: "", value: {}, locate: () => undefined };
  const context = { document, path: ["services", "web"], directory: "/srv", cores: 6, fileEnv: {}, problems };
  return { spec: normaliseService("web", { command: "true", ...input }, context), problems };
}

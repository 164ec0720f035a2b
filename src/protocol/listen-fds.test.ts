import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isFdName, listenEnvironment, parseListenEnvironment } from "./listen-fds.ts";

const malformed: [what: string, env: Record<string, string>][] = [
  ["nothing is set", {}],
  ["the pid is another's", { LISTEN_PID: "7", LISTEN_FDS: "1" }],
  ["the pid is missing", { LISTEN_FDS: "1" }],
  ["the count is missing", { LISTEN_PID: "42" }],
  ["the count is zero", { LISTEN_PID: "42", LISTEN_FDS: "0" }],
  ["the count is negative", { LISTEN_PID: "42", LISTEN_FDS: "-1" }],
  ["the count is huge", { LISTEN_PID: "42", LISTEN_FDS: "2147483647" }],
  ["the count is no number", { LISTEN_PID: "42", LISTEN_FDS: "1e1" }],
  ["the pid has spaces", { LISTEN_PID: " 42", LISTEN_FDS: "1" }],
];

for (const [what, env] of malformed) {
  test(`no descriptor is inherited when ${what}`, () => {
    assert.deepEqual(parseListenEnvironment(env, 42), []);
  });
}

test("descriptors begin at 3 and carry their names", () => {
  const env = { LISTEN_PID: "42", LISTEN_FDS: "2", LISTEN_FDNAMES: "http:admin" };
  assert.deepEqual(parseListenEnvironment(env, 42), [
    { fd: 3, name: "http" },
    { fd: 4, name: "admin" },
  ]);
});

for (const names of [undefined, "", "one", "a:b:c", "a:\u0007"]) {
  test(`two descriptors named ${JSON.stringify(names)} are both unknown`, () => {
    const env = { LISTEN_PID: "42", LISTEN_FDS: "2", LISTEN_FDNAMES: names };
    assert.deepEqual(
      parseListenEnvironment(env, 42).map(({ name }) => name),
      ["unknown", "unknown"],
    );
  });
}

test("a service without listeners gets no variables", () => {
  assert.deepEqual(listenEnvironment([]), {});
});

test("a name the receiver could not read back is refused", () => {
  for (const name of ["", "a:b", "a\nb", "ä", "x".repeat(256)]) {
    assert.throws(() => listenEnvironment([name]), { code: "usage" });
  }
});

test("what is written is read back, for any names", () => {
  const name = fc.string({ minLength: 1, maxLength: 255 }).filter(isFdName);
  fc.assert(
    fc.property(fc.array(name, { maxLength: 20 }), fc.integer({ min: 1, max: 4194304 }), (names, pid) => {
      const env = { ...listenEnvironment(names), LISTEN_PID: String(pid) };
      assert.deepEqual(
        parseListenEnvironment(env, pid),
        names.map((name, index) => ({ fd: 3 + index, name })),
      );
    }),
  );
});

test("reading never throws, whatever the variables hold", () => {
  const variable = fc.option(fc.string(), { nil: undefined });
  fc.assert(
    fc.property(
      fc.record({ LISTEN_PID: variable, LISTEN_FDS: variable, LISTEN_FDNAMES: variable }),
      fc.integer(),
      (env, pid) => Array.isArray(parseListenEnvironment(env, pid)),
    ),
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { type HomesQuery, homesOf } from "./homes.ts";

function query(overrides: Partial<HomesQuery>): HomesQuery {
  return { env: { HOME: "/home/ann" }, uid: 1000, directory: "/work", isDirectory: () => false, ...overrides };
}

test("a named home holds everything, and --home wins over LARES_HOME", () => {
  assert.deepEqual(homesOf(query({ home: "shop", env: { LARES_HOME: "/other" } })), {
    directory: "/work/shop",
    run: "/work/shop/run",
    state: "/work/shop/state",
    log: "/work/shop/log",
    configDirectory: "/work/shop",
    socket: "/work/shop/run/lares.sock",
  });
  assert.equal(homesOf(query({ env: { LARES_HOME: "/other" } })).socket, "/other/run/lares.sock");
});

test("root uses the host's own places, whatever XDG says", () => {
  assert.deepEqual(homesOf(query({ uid: 0, env: { XDG_RUNTIME_DIR: "/run/user/0" } })), {
    directory: null,
    run: "/run/lares",
    state: "/var/lib/lares",
    log: "/var/log/lares",
    configDirectory: "/etc/lares",
    socket: "/run/lares/lares.sock",
  });
});

test("a user has places of their own", () => {
  const env = {
    HOME: "/home/ann",
    XDG_RUNTIME_DIR: "/run/user/1000",
    XDG_STATE_HOME: "/s",
    XDG_CONFIG_HOME: "relative",
  };
  assert.deepEqual(homesOf(query({ env })), {
    directory: null,
    run: "/run/user/1000/lares",
    state: "/s/lares",
    log: "/s/lares/log",
    configDirectory: "/home/ann/.config/lares",
    socket: "/run/user/1000/lares/lares.sock",
  });
});

test("a shell without XDG_RUNTIME_DIR finds the same supervisor as the login session", () => {
  assert.equal(homesOf(query({ isDirectory: (path) => path === "/run/user/1000" })).run, "/run/user/1000/lares");
  assert.equal(homesOf(query({})).run, "/home/ann/.local/state/lares/run");
});

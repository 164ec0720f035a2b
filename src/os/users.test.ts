import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { userInfo } from "node:os";
import { test } from "node:test";
import { lookupGroup, lookupUser } from "./users.ts";

test("a user is found by name and by number, with the groups that id(1) tells", () => {
  const { username, uid, gid } = userInfo();
  const groups = execFileSync("id", ["-G", username], { encoding: "utf8" }).trim().split(" ").map(Number);
  const user = lookupUser(username);
  assert.deepEqual(
    { ...user, groups: user.groups.toSorted() },
    { name: username, uid, gid, groups: groups.toSorted(), home: userInfo().homedir },
  );
  assert.deepEqual(lookupUser(uid), user);
  assert.deepEqual(lookupUser(String(uid)), user);
});

test("a group given beside the user is the primary one", () => {
  assert.equal(lookupGroup("root"), 0);
  assert.equal(lookupGroup("12345"), 12345);
  assert.equal(lookupUser("nobody", "root").gid, 0);
});

test("who does not exist is named", () => {
  assert.throws(
    () => lookupUser("no-such-user"),
    /^LaresError: Cannot run as user "no-such-user": there is no such user$/,
  );
  assert.throws(() => lookupUser(4_000_000), /there is no such user/);
  assert.throws(() => lookupUser("nobody", "no-such-group"), /group "no-such-group"/);
});

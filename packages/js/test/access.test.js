// Access policies, as the table that the core's tests run too says they are read.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { authenticate } from "ccs-modules";

const file = new URL("../../../host-tests/policies.json", import.meta.url);
const table = JSON.parse(readFileSync(file, "utf8"));

for (const { about, policy, callers } of table.read) {
  // Passwords are for a function of the user's own here.
  test(`a policy: ${about}`, { skip: "users" in policy }, async () => {
    const find = authenticate(policy);
    for (const caller of callers) {
      const found = await find(caller.headers.map(([name, value]) => [name, bytes(value)]));
      const roles = Array.isArray(found) ? found : found?.val;
      assert.deepEqual(roles ?? null, caller.roles, JSON.stringify(caller));
    }
  });
}

test("other policies are refused", () => {
  for (const policy of table.refused) {
    assert.throws(() => authenticate(policy), TypeError, JSON.stringify(policy));
  }
});

test("without a policy nobody is authenticated", async () => {
  assert.equal(await authenticate(undefined)([]), undefined);
});

function bytes(value) {
  return typeof value === "string" ? Buffer.from(value) : Buffer.from(value.base64, "base64");
}

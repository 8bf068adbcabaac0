// Access policies, as the table that the core's tests run too says they are read.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { PolicyError } from "ccs-modules";
import { load } from "ccs-modules/node";

const file = new URL("../../../host-tests/policies.json", import.meta.url);
const table = JSON.parse(readFileSync(file, "utf8"));

const standalone = load();

for (const { about, policy, callers } of table.read) {
  test(`a policy: ${about}`, async () => {
    const find = standalone.authenticate(JSON.stringify(policy));
    for (const caller of callers) {
      const found = await find(caller.headers.map(([name, value]) => [name, text(value)]));
      const roles = found.tag === "unauthenticated" ? null : found.val;
      assert.deepEqual(roles, caller.roles, JSON.stringify(caller));
    }
  });
}

test("other policies are refused", () => {
  for (const policy of table.refused) {
    const text = JSON.stringify(policy);
    assert.throws(() => standalone.authenticate(text), PolicyError, text);
  }
});

test("without a policy nobody is authenticated", async () => {
  assert.equal(await standalone.authenticate(undefined)([]), undefined);
});

function text(value) {
  return typeof value === "string" ? value : Buffer.from(value.base64, "base64").toString();
}

// The tests of mirrors on Deno and on Bun: each runtime has a `fetch` and timers of its own.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

import { BUN, DENO, PACKAGE } from "./tools.js";

const WORDS = {
  deno: [DENO, "test", "--allow-all", "--no-check", "--quiet", "test/mirror.test.js"],
  bun: [BUN, "test", "./test/mirror.test.js"],
};

for (const [name, [program, ...words]] of Object.entries(WORDS)) {
  test(`mirrors on ${name}`, () => {
    const run = spawnSync(program, words, { cwd: PACKAGE, encoding: "utf8", timeout: 120_000 });
    assert.equal(run.status, 0, run.stdout + run.stderr);
  });
}

// The tests of mirrors and handlers on Deno and on Bun: each runtime has types of the web and timers of its own.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

import { BUN, DENO, PACKAGE } from "./tools.js";

const WORDS = {
  deno: [DENO, "test", "--allow-all", "--no-check", "--quiet", "test/mirror.test.js", "test/web.test.js"],
  bun: [BUN, "test", "./test/mirror.test.js", "./test/web.test.js"],
};

for (const [name, [program, ...words]] of Object.entries(WORDS)) {
  test(`mirrors and handlers on ${name}`, () => {
    const run = spawnSync(program, words, { cwd: PACKAGE, encoding: "utf8", timeout: 120_000 });
    assert.equal(run.status, 0, run.stdout + run.stderr);
  });
}

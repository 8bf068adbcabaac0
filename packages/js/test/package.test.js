// The files that npm would publish: everything that the exports name and the licences, without the tests.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const folder = new URL("..", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL("package.json", folder), "utf8"));

test("the core modules are named where bundlers look for them", () => {
  const cores = readdirSync(new URL("dist/component", folder)).filter((name) => name.endsWith(".wasm"));
  const urls = readFileSync(new URL("dist/component/urls.js", folder), "utf8");
  assert.deepEqual(urls.match(/new URL\("\.\/.*", import\.meta\.url\)/g), cores.map((name) => `new URL("./${name}", import.meta.url)`));
  assert.ok(cores.length > 0);
});

test("the package holds what its exports name, and no more than is used", () => {
  const output = execFileSync("npm", ["pack", "--dry-run", "--json"], { cwd: folder, encoding: "utf8" });
  const files = JSON.parse(output)[0].files.map(({ path }) => path);
  const named = Object.values(manifest.exports)
    .flatMap((target) => (typeof target === "string" ? [] : Object.values(target)))
    .concat(Object.values(manifest.bin))
    .map((path) => path.replace("./", ""));
  assert.ok(named.length > 8);
  for (const path of [...named, "README.md", "dist/LICENSE-APACHE", "dist/LICENSE-MIT", "dist/openapi.json"]) {
    assert.ok(files.includes(path), path);
  }
  assert.ok(files.some((path) => path.startsWith("dist/component/") && path.endsWith(".wasm")));
  for (const path of files) {
    assert.match(path, /^(package\.json|README\.md|dist\/.*)$/);
    assert.doesNotMatch(path, /test/);
  }
});

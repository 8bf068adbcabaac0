// The package as a stranger has it: installed from its tarball into an empty folder.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { BUN, DENO, PACKAGE } from "./tools.js";

const PROGRAM = `
import { Snapshot } from "ccs-modules";
import { loadStandalone } from "ccs-modules/node";

const catalog = loadStandalone().parse('[{"module_name":"bf","uid":"a"}]');
if (!(catalog instanceof Snapshot)) {
  throw new Error("not a snapshot");
}
const [module] = catalog.listModules(["db_viewer"]);
const name: string | undefined = module?.moduleName;
console.log(name);
`;

const RUNTIMES = {
  node: [process.execPath],
  deno: [DENO, "run", "--allow-env=JCO_DEBUG", "--allow-read", "--no-lock"],
  bun: [BUN, "run"],
};

let folder;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "ccs-modules-"));
  npm(PACKAGE, "pack", "--pack-destination", folder);
  const [tarball] = readdirSync(folder);
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  // Without a network: the package depends on nothing.
  npm(folder, "install", "--offline", "--no-audit", "--no-fund", `./${tarball}`);
  writeFileSync(join(folder, "modules.json"), '[{"module_name":"bf","uid":"a"}]');
  writeFileSync(join(folder, "readme.js"), readmeProgram());
  writeFileSync(join(folder, "program.ts"), PROGRAM);
  writeFileSync(join(folder, "program.js"), PROGRAM.replace(": string | undefined", ""));
});

after(() => rmSync(folder, { recursive: true }));

for (const [name, [program, ...options]] of Object.entries(RUNTIMES)) {
  test(`a program imports it on ${name}`, () => {
    assert.equal(run(program, ...options, "program.js"), "bf\n");
  });
}

test("the first program of its README runs", () => {
  assert.equal(run(process.execPath, "readme.js"), "bf\n");
});

test("its types compile under strict", () => {
  const options = ["--strict", "--noEmit", "--module", "nodenext", "--target", "es2023"];
  const types = ["--types", "node", "--typeRoots", join(PACKAGE, "node_modules/@types")];
  run(join(PACKAGE, "node_modules/.bin/tsc"), ...options, ...types, "program.ts");
});

test("npx runs its command", () => {
  assert.match(run("npx", "--offline", "ccs-modules", "--help"), /^usage: ccs-modules /);
});

/** The first program of README.md, which prints the value that its last line shows. */
function readmeProgram() {
  const readme = readFileSync(join(PACKAGE, "README.md"), "utf8");
  const [, program] = readme.match(/```js\n(.*?)```/s);
  return program.replace(/^(.*); \/\/ "bf"$/m, "console.log($1);");
}

function npm(cwd, ...words) {
  execFileSync("npm", words, { cwd, stdio: ["ignore", "ignore", "pipe"] });
}

function run(program, ...words) {
  return execFileSync(program, words, { cwd: folder, encoding: "utf8" });
}

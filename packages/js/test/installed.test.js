// The package as a stranger has it, on each runtime but the browser.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";

import { Miniflare } from "miniflare";

import { bundle, install, PROGRAMS, run, SHELL_LINES } from "./packed.js";
import { BUN, DENO, PACKAGE, worker } from "./tools.js";

const TYPED = `
import { type Catalog, Snapshot } from "ccs-modules";
import { load } from "ccs-modules/node";
import * as browser from "ccs-modules/browser";
import worker, { type Env } from "ccs-modules/worker";
import { keyValue } from "ccs-modules/workerd";

const catalog: Catalog = load().parse('[{"module_name":"bf","uid":"a"}]');
const name: string | undefined = catalog.listModules(["db_viewer"])[0]?.moduleName;
const inBrowser: Promise<Snapshot> = browser.load().then((loaded) => loaded.parse("[]"));
// @ts-expect-error: a text, not a number
catalog.getModule(["db_viewer"], 1);
export default { name, inBrowser, worker, keyValue, env: {} satisfies Env };
`;

const RUNTIMES = {
  node: [process.execPath],
  deno: [DENO, "run", "--allow-env=JCO_DEBUG", "--allow-read", "--no-lock"],
  bun: [BUN, "run"],
};

let folder;

before(() => {
  folder = install();
  writeFileSync(join(folder, "readme.js"), printing(PROGRAMS[0]));
  writeFileSync(join(folder, "all.js"), inTurn(PROGRAMS));
  writeFileSync(join(folder, "typed.ts"), TYPED);
});

after(() => rmSync(folder, { recursive: true }));

for (const [name, [program, ...options]] of Object.entries(RUNTIMES)) {
  test(`the first program of its README runs on ${name}`, () => {
    assert.equal(run(folder, program, ...options, "readme.js"), "bf\n2.8.7\n");
  });
}

test("the programs of its README run, each after those before it", () => {
  assert.equal(run(folder, process.execPath, "all.js"), "ended\n");
});

test("a bundle for Node.js runs without the package", (t) => {
  const elsewhere = mkdtempSync(join(tmpdir(), "ccs-modules-"));
  t.after(() => rmSync(elsewhere, { recursive: true }));
  bundle(folder, "readme.js", "--platform=node");
  renameSync(join(folder, "out"), join(elsewhere, "out"));
  copyFileSync(join(folder, "modules.json"), join(elsewhere, "modules.json"));
  writeFileSync(join(elsewhere, "package.json"), '{"type":"module"}');
  assert.equal(run(elsewhere, process.execPath, "out/readme.js"), "bf\n2.8.7\n");
});

test("a bundle has nothing of an import that is not used", () => {
  writeFileSync(join(folder, "unused.js"), 'import "ccs-modules"; import "ccs-modules/node"; import "ccs-modules/browser";');
  bundle(folder, "unused.js", "--platform=node", "--minify");
  assert.equal(readFileSync(join(folder, "out/unused.js"), "utf8").trim(), "");
});

test("it is one package, and brings no other", () => {
  const installed = readdirSync(join(folder, "node_modules")).filter((name) => !name.startsWith("."));
  assert.deepEqual(installed, ["ccs-modules"]);
});

test("its types compile under strict", () => {
  const options = ["--strict", "--exactOptionalPropertyTypes", "--noEmit", "--module", "nodenext", "--lib", "es2023,esnext.disposable"];
  const types = ["--types", "node", "--typeRoots", join(PACKAGE, "node_modules/@types")];
  run(folder, join(PACKAGE, "node_modules/.bin/tsc"), ...options, ...types, "typed.ts");
});

const COMMANDS = SHELL_LINES.filter((line) => /^(npx|deno|bun) .*--file/.test(line));

test("its README has the command on each runtime", () => {
  assert.deepEqual(new Set(COMMANDS.map((line) => line.split(" ")[0])), new Set(["npx", "deno", "bun"]));
});

for (const line of new Set(COMMANDS)) {
  test(`it serves: ${line}`, async (t) => {
    const access = line.includes("--access") ? "" : " --access access.json";
    const free = `${line.replace(/ --port \d+/, "")}${access} --port 0`;
    // A group of its own: npx starts the command as another process.
    const path = [dirname(DENO), dirname(BUN), process.env.PATH].join(delimiter);
    const env = { ...process.env, PATH: path, npm_config_offline: "true" };
    const server = spawn(`exec ${free}`, { shell: true, cwd: folder, env, detached: true });
    t.after(() => process.kill(-server.pid));
    const lines = createInterface({ input: server.stdout });
    const failed = once(server, "exit").then(() => ["it ended"]);
    const [first] = await Promise.race([once(lines, "line"), failed]);
    const [, url] = first.match(/ at (http:\S+)$/) ?? assert.fail(first);
    assert.equal(await (await fetch(url)).text(), compact());
    const page = await fetch(new URL("/", url));
    assert.equal(page.status, line.includes("--page") ? 200 : 404);
    await page.body.cancel();
  });
}

test("its worker runs on workerd", async (t) => {
  const miniflare = new Miniflare({
    ...worker(join(folder, "node_modules/ccs-modules/dist")),
    kvNamespaces: ["CCS"],
    bindings: { CCS_ACCESS: readFileSync(join(folder, "access.json"), "utf8") },
  });
  t.after(() => miniflare.dispose());
  const store = await miniflare.getKVNamespace("CCS");
  await store.put("modules", readFileSync(join(folder, "modules.json"), "utf8"));
  const response = await miniflare.dispatchFetch("http://localhost/v1/modules");
  assert.equal(await response.text(), compact());
});

/** A program that prints the values that its comments show. */
function printing(program) {
  return program.replaceAll(/^(.*); \/\/ "/gm, 'console.log($1); // "');
}

/** One program, in which each of these can use the names of those before it. Every fetch gets a list. */
function inTurn(programs) {
  const list = `async () => new Response('[{"uid":"a"}]', { headers: { etag: '"1"' } })`;
  const bodies = programs
    .map((program) => program.replaceAll(/^import (\{.*\}) from (.*);/gm, "const $1 = await import($2);"))
    .map((program) => program.replaceAll("listen(8080)", "listen(0)"));
  const end = "console.log('ended'); process.exit();";
  return `process.env.REDIS_ENTERPRISE_PASSWORD = 'secret'; globalThis.fetch = ${list}; {${bodies.join("\n{")}\n${end}${"}".repeat(bodies.length)}`;
}

/** The body of the list. */
function compact() {
  const [{ uid, ...rest }] = JSON.parse(readFileSync(join(folder, "modules.json"), "utf8"));
  const fields = Object.entries({ ...rest, uid }).sort(([a], [b]) => (a < b ? -1 : 1));
  return `[${JSON.stringify(Object.fromEntries(fields))}]\n`;
}

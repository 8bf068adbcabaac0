// The package as a stranger has it, in a browser: by an import, and as a page.

import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { bundle, install } from "../packed.js";
import { serveFolder, startChromium } from "./chromium.js";

const PROGRAM = `
  import { load } from "ccs-modules/browser";
  const standalone = await load();
  const catalog = standalone.parse(await (await fetch("modules.json")).text());
  document.title = catalog.fittingModules(["db_viewer"], "7.4")[0].chosen.module.semanticVersion;
`;

const PAGES = {
  "program.html": `<!doctype html><title>program</title>
    <script type="importmap">{"imports":{"ccs-modules/browser":"/node_modules/ccs-modules/dist/browser.js"}}</script>
    <script type="module" src="program.js"></script>`,
  "bundle.html": `<!doctype html><title>bundle</title><script type="module" src="out/program.js"></script>`,
};

let folder, site, browser;

before(async () => {
  folder = install();
  site = await serveFolder(folder);
  browser = await startChromium();
});

after(async () => {
  await browser?.close();
  site?.stop();
  rmSync(folder, { recursive: true });
});

test("a program imports it, as it is and in a bundle", async () => {
  writeFileSync(join(folder, "program.js"), PROGRAM);
  bundle(folder, "program.js");
  for (const [name, html] of Object.entries(PAGES)) {
    writeFileSync(join(folder, name), html);
    const page = await browser.newPage();
    await page.goto(`${site.address}/${name}`);
    await page.waitForFunction(() => document.title === "2.8.7");
  }
});

test("its page is a folder that any web server can serve, from any path", async () => {
  const page = await browser.newPage();
  await page.goto(`${site.address}/node_modules/ccs-modules/dist/page/`);
  await page.getByRole("button", { name: "demonstration" }).click();
  await page.locator("#catalog h3", { hasText: "search" }).waitFor();
});

test("a server that does not serve it whole is named", async () => {
  rmSync(join(folder, "node_modules/ccs-modules/dist/page/ccs-modules/component/standalone.core.wasm"));
  const page = await browser.newPage();
  await page.goto(`${site.address}/node_modules/ccs-modules/dist/page/`);
  await page.getByRole("button", { name: "demonstration" }).click();
  const alert = page.locator("#error-file");
  await alert.getByText(/cannot fetch http.*standalone.core.wasm: the server answered 404/).waitFor();
  assert.match(await alert.textContent(), /^Demonstration cannot be opened/);
});

// Runs cases, one a line, in the page, on the component that the page uses. See harness/batch.py.

import { createInterface } from "node:readline";

import { PACKAGE } from "../tools.js";
import { serveFolder, startChromium } from "./chromium.js";

/** Makes, in the page, the function that finds out what comes of a case. */
async function makeOutcome() {
  const used = "/dist/page/ccs-modules";
  const { load } = await import(`${used}/browser.js`);
  const { CatalogError } = await import(`${used}/catalog.js`);
  const { MalformedError } = await import(`${used}/snapshot.js`);
  const { snapshotOutcomes } = await import("/test/snapshot_outcomes.js");
  window.outcome = snapshotOutcomes(await load(), { CatalogError, MalformedError });
}

const site = await serveFolder(PACKAGE);
const browser = await startChromium();
try {
  const page = await browser.newPage();
  await page.goto(`${site.address}/dist/page/`);
  await page.evaluate(makeOutcome);
  for await (const line of createInterface({ input: process.stdin })) {
    // Bodies of many characters go in and out faster as one text.
    const outcome = await page.evaluate(async (line) => JSON.stringify(await window.outcome(JSON.parse(line))), line);
    console.log(outcome);
  }
} finally {
  await browser.close();
  site.stop();
}

// Runs cases, one a line, with scripted stores in this process. See harness/batch.py.

import { createInterface } from "node:readline";

import { load, loadStandalone } from "ccs-modules/node";

import { pluginOutcomes } from "./plugin_outcomes.js";

const outcome = pluginOutcomes(load(), loadStandalone());

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await outcome(JSON.parse(line))));
}

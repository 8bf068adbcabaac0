// Runs cases, one a line, on snapshots in this process. See harness/batch.py.

import { createInterface } from "node:readline";

import * as errors from "ccs-modules";
import { loadStandalone } from "ccs-modules/node";

import { snapshotOutcomes } from "./snapshot_outcomes.js";

const outcome = snapshotOutcomes(loadStandalone(), errors);

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(outcome(JSON.parse(line))));
}

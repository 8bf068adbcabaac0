// Runs cases, one a line, on snapshots in this process. See harness/batch.py.

import { createInterface } from "node:readline";

import * as errors from "ccs-modules";
import { load } from "ccs-modules/node";

import { snapshotOutcomes } from "./snapshot_outcomes.js";

const outcome = snapshotOutcomes(load(), errors);

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(outcome(JSON.parse(line))));
}

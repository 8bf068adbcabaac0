// Runs cases, one a line, on snapshots: cases with the same catalog on the same one. See harness/batch.py.

import { createInterface } from "node:readline";

import { CatalogError, MalformedError } from "ccs-modules";
import { loadStandalone } from "ccs-modules/node";

import { bytes, errorOf, snakeCase } from "./cases_text.js";

const standalone = loadStandalone();

/** The snapshots, by the documents that they were made from. */
const snapshots = new Map();

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

for await (const line of createInterface({ input: process.stdin })) {
  const { store, call } = JSON.parse(line);
  console.log(JSON.stringify(outcome(store.documents, call)));
}

function outcome(documents, { list_modules, get_module, handle }) {
  try {
    const snapshot = held(documents);
    if (handle) {
      const headers = handle.headers.map(([name, value]) => [name, bytes(value)]);
      const { method, target, roles } = handle;
      const caller =
        roles === null ? { tag: "unauthenticated" } : { tag: "authenticated", val: roles };
      const response = snapshot.handle({ method, target, headers, caller });
      return { ...response, body: Buffer.from(response.body).toString("base64") };
    }
    if (list_modules) {
      return { ok: snapshot.listModules(list_modules.roles).map(snakeCase) };
    }
    return { ok: snakeCase(snapshot.getModule(get_module.roles, get_module.uid)) };
  } catch (error) {
    if (error instanceof MalformedError) {
      return { error: { malformed: error.message } };
    }
    if (error instanceof CatalogError) {
      return errorOf(error);
    }
    throw error;
  }
}

function held(documents) {
  const key = JSON.stringify(documents);
  let snapshot = snapshots.get(key);
  if (snapshot === undefined) {
    snapshot = standalone.fromDocuments(documents.map((document) => utf8.decode(bytes(document))));
    snapshots.set(key, snapshot);
  }
  return snapshot;
}

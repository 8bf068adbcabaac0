// Runs cases, one a line, on the plugin over scripted stores. See harness/batch.py. Usage: plugin.mjs FOLDER,
// where jco has put the component.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

import { bytes, callerOf, errorOf, headersOf, response, snakeCase, typedCall } from "../../../packages/js/test/cases_text.js";

const folder = pathToFileURL(`${process.argv[2]}/`);
const { instantiate } = await import(new URL("plugin.js", folder));

let store;
const ccs = { listDocuments: () => store.listDocuments(), getDocument: (uid) => store.getDocument(uid) };
const compile = (file) => new WebAssembly.Module(readFileSync(new URL(file, folder)));
// jco declares the import with its version, and looks for it without.
const plugin = instantiate(compile, { "ccs:modules/ccs@0.1.0": ccs, "ccs:modules/ccs": ccs });

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(outcome(JSON.parse(line))));
}

function outcome({ store: script, call }) {
  store = scripted(script);
  if (call.handle) {
    const { method, target } = call.handle;
    const request = { method, target, headers: headersOf(call.handle), caller: callerOf(call.handle) };
    return response(plugin.rest.handle(request));
  }
  try {
    const [typed] = Object.entries(call);
    return { ok: snakeCase(typedCall({ ...plugin.catalog, ...plugin.lookup }, typed)) };
  } catch (error) {
    return errorOf(error.payload);
  }
}

function scripted({ documents, by_uid, error }) {
  if (error) {
    const [[tag, val]] = Object.entries(error);
    const fail = () => {
      throw Object.assign(new Error(), { payload: { tag, val } });
    };
    return { listDocuments: fail, getDocument: fail };
  }
  const lies = new Map(Object.entries(by_uid));
  const found = (uid) => lies.get(uid) ?? documents.find((document) => uidOf(bytes(document)) === uid);
  return {
    listDocuments: () => documents.map(bytes),
    getDocument: (uid) => found(uid) && bytes(found(uid)),
  };
}

function uidOf(document) {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(document)).uid;
  } catch {
    return undefined; // A malformed document has no uid.
  }
}

// Runs cases, one a line, with scripted stores in this process. See harness/batch.py.

import { createInterface } from "node:readline";

import { CatalogError, Service, Documents, StoreError, withStore } from "ccs-modules";
import { load } from "ccs-modules/node";

import { bytes, errorOf, snakeCase } from "./cases_text.js";

const STORE_MILLISECONDS = 1; // These stores answer at once or never.

const plugin = load();

for await (const line of createInterface({ input: process.stdin })) {
  const { store, call } = JSON.parse(line);
  console.log(JSON.stringify(await outcome(scripted(store), call)));
}

async function outcome(store, { list_modules, get_module, handle }) {
  if (handle) {
    const { method, target, roles } = handle;
    const headers = handle.headers.map(([name, value]) => [name, bytes(value)]);
    const service = new Service(plugin, store, () => roles ?? undefined, STORE_MILLISECONDS);
    const response = await service.handle({ method, target, headers });
    return { ...response, body: Buffer.from(response.body).toString("base64") };
  }
  try {
    if (list_modules) {
      const list = (ccs) => plugin.listModules(ccs, list_modules.roles);
      return { ok: (await withStore(store, list, STORE_MILLISECONDS)).map(snakeCase) };
    }
    const get = (ccs) => plugin.getModule(ccs, get_module.roles, get_module.uid);
    return { ok: snakeCase(await withStore(store, get, STORE_MILLISECONDS)) };
  } catch (error) {
    if (!(error instanceof CatalogError)) {
      throw error;
    }
    return errorOf(error);
  }
}

function scripted({ documents, by_uid, error, stall }) {
  if (stall) {
    return both(() => new Promise(() => {}));
  }
  if (error) {
    const [[kind, text]] = Object.entries(error);
    return both(() => Promise.reject(new StoreError(kind, text)));
  }
  const listed = new Documents(documents.map(bytes));
  const lies = new Map(Object.entries(by_uid).map(([uid, document]) => [uid, bytes(document)]));
  return {
    listDocuments: async () => listed.listDocuments(),
    getDocument: async (uid) => lies.get(uid) ?? listed.getDocument(uid),
  };
}

function both(answer) {
  return { listDocuments: answer, getDocument: answer };
}

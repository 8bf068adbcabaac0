// Outcomes of cases on the plugin, over scripted stores. It runs in any runtime.

import { CatalogError, Documents, Service, StoreError, withStore } from "../dist/index.js";
import { bytes, errorOf, response, snakeCase, typedCall } from "./cases_text.js";

const STORE_MILLISECONDS = 50; // These stores answer at once or never. The cases name this time.

/** Makes a function that finds out what comes of a case. Access policies are read by `standalone`. */
export function pluginOutcomes(plugin, standalone) {
  return async ({ store: script, call }) => {
    const store = scripted(script);
    if (call.handle) {
      const { method, target, roles, access } = call.handle;
      const headers = call.handle.headers.map(([name, value]) => [name, bytes(value)]);
      const authenticate =
        access === undefined ? () => roles ?? undefined : standalone.authenticate(access ?? undefined);
      const service = new Service(plugin, store, authenticate, STORE_MILLISECONDS);
      return response(await service.handle({ method, target, headers }));
    }
    try {
      const [typed] = Object.entries(call);
      const answer = (ccs) => typedCall(over(plugin, ccs), typed);
      return { ok: snakeCase(await withStore(store, answer, STORE_MILLISECONDS)) };
    } catch (error) {
      if (!(error instanceof CatalogError)) {
        throw error;
      }
      return errorOf(error);
    }
  };
}

/** The plugin over one store, as a catalog. */
function over(plugin, ccs) {
  const bound = (target, name) => (...values) => target[name](ccs, ...values);
  return new Proxy(plugin, { get: bound });
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

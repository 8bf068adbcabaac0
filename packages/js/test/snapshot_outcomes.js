// Outcomes of cases on snapshots: cases with the same catalog on the same one. It runs in any runtime.

import { bytes, errorOf, response, snakeCase } from "./cases_text.js";

/** Makes a function that finds out what comes of a case. Takes the classes of the errors, too. */
export function snapshotOutcomes(standalone, { CatalogError, MalformedError }) {
  /** The snapshots, by the documents that they were made from. */
  const snapshots = new Map();
  const held = (documents) => {
    const key = JSON.stringify(documents);
    let snapshot = snapshots.get(key);
    if (snapshot === undefined) {
      snapshot = standalone.fromDocuments(documents.map((document) => utf8.decode(bytes(document))));
      snapshots.set(key, snapshot);
    }
    return snapshot;
  };
  return ({ store: { documents }, call: { list_modules, get_module, handle } }) => {
    try {
      const snapshot = held(documents);
      if (handle) {
        const { method, target, roles } = handle;
        const headers = handle.headers.map(([name, value]) => [name, bytes(value)]);
        const caller =
          roles === null ? { tag: "unauthenticated" } : { tag: "authenticated", val: roles };
        return response(snapshot.handle({ method, target, headers, caller }));
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
  };
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

// Outcomes of cases on snapshots: cases with the same catalog on the same one. It runs in any runtime.

import { bytes, callerOf, errorOf, headersOf, response, snakeCase, typedCall } from "./cases_text.js";

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
  return ({ store: { documents }, call }) => {
    try {
      const snapshot = held(documents);
      if (call.handle) {
        const { method, target } = call.handle;
        const request = { method, target, headers: headersOf(call.handle), caller: callerOf(call.handle) };
        return response(snapshot.handle(request));
      }
      if (call.differences) {
        return { ok: snakeCase(snapshot.differences(standalone.parse(call.differences.newer))) };
      }
      const [typed] = Object.entries(call);
      return { ok: snakeCase(typedCall(snapshot, typed)) };
    } catch (error) {
      if (error instanceof MalformedError) {
        return { error: { malformed: error.message } };
      }
      if (error instanceof CatalogError) {
        const { kind, message } = error;
        return errorOf({ tag: kind, val: ["forbidden", "not-found"].includes(kind) ? null : message });
      }
      throw error;
    }
  };
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

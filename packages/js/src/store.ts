/** Stores of your own: functions that give the documents of a catalog. */

import type { Read, Stored } from "./component/interfaces/ccs-modules-mirror.js";
import type { Log } from "./log.js";
import { messageOf, textOf } from "./text.js";

/** The content of a store: the body of `GET /v1/modules`, or its documents in the order of the list. */
export type Content = string | Uint8Array | (string | Uint8Array)[];

/**
 * A store: a function that returns its content, all of one moment.
 *
 * A store with versions returns the version with the content: a text that changes when the content does. If
 * the store still has the version `known`, it may return undefined. The signal is aborted when the mirror
 * does not wait any longer.
 *
 * A function that throws a {@link StoreError} gives clients the reason. Any other error is logged, and
 * clients learn only that the store failed.
 */
export type Store = (
  known: string | undefined,
  signal: AbortSignal,
) => Found | Promise<Found>;

/** What a store returns; undefined if it still has the version that is known. */
export type Found = Content | { content: Content; version: string } | undefined;

/**
 * The reason why a store has no answer. Clients see the message: one line, without credentials. The
 * cause, if there is one, is logged.
 */
export class StoreError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StoreError";
  }
}

/** Asks a store. Returns the answer as the component takes it, or the reason for its absence. */
export async function read(
  store: Store,
  { unless }: Read,
  signal: AbortSignal,
  log: Log,
): Promise<Stored | string> {
  const ended = new Promise<never>((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason)),
  );
  try {
    return stored(await Promise.race([store(unless, signal), ended]), unless);
  } catch (error) {
    if (signal.aborted) {
      return messageOf(signal.reason);
    }
    const isKnown = error instanceof StoreError;
    if (!isKnown || error.cause !== undefined) {
      log("the store failed:", error);
    }
    return isKnown ? error.message : "the store failed";
  }
}

function stored(found: Found, unless: string | undefined): Stored {
  if (found === undefined && unless !== undefined) {
    return { tag: "unchanged" };
  }
  const { content, ...version } = isVersioned(found) ? found : { content: found as Content };
  if (Array.isArray(content)) {
    const documents = content.map((document, index) => text(`document at index ${index}`, document));
    return { tag: "documents", val: { documents, ...version } };
  }
  return { tag: "body", val: { body: text("the body", content), ...version } };
}

function isVersioned(found: Found): found is { content: Content; version: string } {
  return typeof found === "object" && found !== null && "content" in found;
}

function text(what: string, content: string | Uint8Array): string {
  return textOf(content, () => new StoreError(`${what} is not UTF-8`));
}

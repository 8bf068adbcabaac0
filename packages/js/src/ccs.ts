/** The store: the source of the module documents. */

import type { Error as Payload } from "./component/interfaces/ccs-modules-ccs.js";

/**
 * A store. A document is one JSON object, UTF-8, exactly as stored.
 *
 * A function that rejects with a {@link StoreError} tells clients why. Any other rejection is
 * logged, and clients are told only that the store failed.
 */
export interface Store {
  /** Reads every document, of one moment. The order is kept all the way to the client. */
  listDocuments(): Promise<Uint8Array[]>;
  /** Reads the document stored under `uid`; undefined if there is no such document. */
  getDocument(uid: string): Promise<Uint8Array | undefined>;
}

/** A store that answers at once. The component reads documents through it during a call. */
export interface Ccs {
  /** Every document. The order is kept all the way to the client. */
  listDocuments(): Uint8Array[];
  /** The document stored under `uid`; undefined if there is no such document. */
  getDocument(uid: string): Uint8Array | undefined;
}

/**
 * A failure of the store: it cannot be reached or is not ready (`unavailable`), it refuses this host
 * (`denied`), or anything else (`other`). Clients see the message: one line that says what failed,
 * without credentials.
 */
export class StoreError extends Error {
  /** The error as the component takes it. */
  readonly payload: Payload;

  constructor(kind: Payload["tag"], message: string) {
    super(message);
    this.name = "StoreError";
    this.payload = { tag: kind, val: message };
  }
}

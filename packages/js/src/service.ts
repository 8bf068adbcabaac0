/** Over a network: a store that answers later, and callers who have to be authenticated. */

import type { Authenticate } from "./access.js";
import { type Ccs, StoreError } from "./ccs.js";
import type { Plugin, Request, Response } from "./plugin.js";

/** Reads one moment of a store. A rejection with a {@link StoreError} tells clients why. */
export type Store = () => Promise<Ccs>;

/** A store that takes longer than this is unavailable. */
const STORE_MILLISECONDS = 5000;

/** The modules API as a service. */
export class Service {
  #plugin: Plugin;
  #store: Store;
  #authenticate: Authenticate;
  #storeMilliseconds: number;

  constructor(
    plugin: Plugin,
    store: Store,
    authenticate: Authenticate,
    storeMilliseconds = STORE_MILLISECONDS,
  ) {
    this.#plugin = plugin;
    this.#store = store;
    this.#authenticate = authenticate;
    this.#storeMilliseconds = storeMilliseconds;
  }

  /** Answers a request, whose roles are found here. */
  async handle(received: Omit<Request, "roles">): Promise<Response> {
    const roles = await this.#authenticate(received.headers);
    const request: Request = roles === undefined ? received : { ...received, roles };
    const call = (ccs: Ccs) => this.#plugin.handle(ccs, request);
    return withStore(this.#store, call, this.#storeMilliseconds);
  }
}

/**
 * Makes a call of the plugin over a store that answers later.
 *
 * The call is made without the store first, which shows whether it needs one: a caller who may not
 * see the modules costs no read. Only where it does, the store is read, and the call made again.
 * Calls leave nothing behind, so making one twice changes nothing.
 */
export async function withStore<T>(
  store: Store,
  call: (ccs: Ccs) => T,
  storeMilliseconds = STORE_MILLISECONDS,
): Promise<T> {
  let asked = false;
  const ask = () => {
    asked = true;
    throw new StoreError("unavailable", "not read yet");
  };
  try {
    const answer = call({ listDocuments: ask, getDocument: ask });
    if (!asked) {
      return answer;
    }
  } catch (error) {
    if (!asked) {
      throw error;
    }
  }
  return call(await inTime(store(), storeMilliseconds).catch(failed));
}

/** A store that fails as it was found to fail. */
function failed(reason: unknown): Ccs {
  const error = reason instanceof StoreError ? reason : new StoreError("other", "it broke");
  const fail = () => {
    throw error;
  };
  return { listDocuments: fail, getDocument: fail };
}

function inTime<T>(answer: Promise<T>, milliseconds: number): Promise<T> {
  const late = new StoreError("unavailable", "the store did not answer in time");
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late), milliseconds);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

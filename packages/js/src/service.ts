/** Calls over a store that answers later, and requests of callers who have to be authenticated. */

import { type Authenticate, callerOf } from "./access.js";
import type { Catalog, Request, Response } from "./catalog.js";
import { type Ccs, type Store, StoreError } from "./ccs.js";
import type { Plugin } from "./plugin.js";
import { utf8 } from "./text.js";

/** The time after which a store that has not answered is unavailable. */
const STORE_MILLISECONDS = 5000;

/** An object that answers HTTP requests and finds their senders. */
export interface Handler {
  handle(received: Omit<Request, "caller">): Promise<Response>;
}

/** The modules API over HTTP, from a store. */
export class Service implements Handler {
  #plugin: Plugin;
  #store: Store;
  #authenticate: Authenticate;
  #storeMilliseconds: number;
  #log = failureLog();

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

  /** Answers a request. Its sender is found in the header fields. */
  async handle(received: Omit<Request, "caller">): Promise<Response> {
    const caller = callerOf(await this.#authenticate(received.headers));
    const call = (ccs: Ccs) => this.#plugin.handle(ccs, withBody({ ...received, caller }));
    const response = await withStore(this.#store, call, this.#storeMilliseconds);
    return this.#log(received.method, response);
  }
}

/** Serves the catalog that `current` returns, a snapshot or a mirror: each request is answered from one. */
export function serveCatalog(current: () => Catalog, authenticate: Authenticate): Handler {
  const log = failureLog();
  return {
    async handle(received) {
      const caller = callerOf(await authenticate(received.headers));
      return log(received.method, current().handle(withBody({ ...received, caller })));
    },
  };
}

/** The request as the component answers it. HEAD becomes GET: the log takes the reason of a failure from the body. */
function withBody(request: Request): Request {
  return request.method === "HEAD" ? { ...request, method: "GET" } : request;
}

/**
 * Logs why requests fail: each reason once, until another request does not fail. Returns the response to a request
 * with this method: HEAD gets no body.
 */
function failureLog(): (method: string, response: Response) => Response {
  let logged: string | undefined;
  return (method, response) => {
    if (response.status < 400) {
      logged = undefined;
    } else if (response.status >= 500) {
      const { description } = JSON.parse(utf8.decode(response.body));
      const reason = `answered ${response.status}: ${description}`;
      if (reason !== logged) {
        console.error(`ccs-modules: ${reason}`);
        logged = reason;
      }
    }
    return method === "HEAD" ? { ...response, body: new Uint8Array() } : response;
  };
}

/**
 * Makes a call of the plugin over a store that answers later.
 *
 * The first call finds the question for the store: every document, one document, or none, as for a
 * caller who may not see modules. The store answers that question, and the second call uses the
 * answer. The plugin keeps nothing between calls, so calling twice changes nothing.
 */
export async function withStore<T>(
  store: Store,
  call: (ccs: Ccs) => T,
  storeMilliseconds = STORE_MILLISECONDS,
): Promise<T> {
  let question: Question | undefined;
  const ask = (asked: Question) => {
    question = asked;
    throw new StoreError("unavailable", "the store has not been read yet");
  };
  try {
    const outcome = call({
      listDocuments: () => ask((from) => answer("listDocuments", from.listDocuments())),
      getDocument: (uid) => ask((from) => answer("getDocument", from.getDocument(uid))),
    });
    if (question === undefined) {
      return outcome;
    }
  } catch (error) {
    if (question === undefined) {
      throw error;
    }
  }
  return call(await inTime(question(store), storeMilliseconds).catch(failed));
}

/** A question for a store. Its answer is a store that knows only this answer. */
type Question = (store: Store) => Promise<Ccs>;

async function answer<K extends keyof Ccs>(
  name: K,
  promise: ReturnType<Store[K]>,
): Promise<Ccs> {
  const found = await promise;
  const other = () => {
    throw new Error("the second call asks the store another question");
  };
  return { listDocuments: other, getDocument: other, [name]: () => found };
}

/** A store that fails as it was found to fail. */
function failed(reason: unknown): Ccs {
  if (!(reason instanceof StoreError)) {
    console.error("ccs-modules: the store failed:", reason);
  }
  const error =
    reason instanceof StoreError ? reason : new StoreError("other", "the store failed");
  const fail = () => {
    throw error;
  };
  return { listDocuments: fail, getDocument: fail };
}

function inTime<T>(answer: Promise<T>, milliseconds: number): Promise<T> {
  const late = new StoreError("unavailable", `the store did not answer within ${milliseconds} ms`);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late), milliseconds);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

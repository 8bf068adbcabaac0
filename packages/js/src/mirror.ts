/** Mirrors: the catalog of a cluster, kept fresh over the cluster's REST API. */

import {
  answered,
  type Catalog,
  CatalogError,
  type Fitting,
  type Module,
  type Request,
  type Response,
} from "./catalog.js";
import type {
  Fetch,
  Fetched,
  Mirror as Held,
  Outcome,
  Status,
} from "./component/interfaces/ccs-modules-mirror.js";
import { MalformedError } from "./snapshot.js";
import { asBytes, asText } from "./text.js";

/** The configuration of a mirror, as the component reads it. Times are in milliseconds. */
export interface MirrorConfiguration {
  /** The URLs of the nodes, such as `https://node1:9443`. */
  nodes: string[];
  /** The user of the cluster and the password. */
  credentials?: { user: string; password: string };
  /** Header fields to send with each request. */
  headers?: Record<string, string>;
  /** The path of the list; `/v1/modules` by default. */
  list?: string;
  /** The refresh interval; 30 seconds by default. */
  refresh_ms?: number;
  /** The greatest age of a catalog that answers while refreshing fails; 24 hours by default. */
  stale_if_error_ms?: number;
  /** The timeout of a request; 5 seconds by default. */
  timeout_ms?: number;
  /** The most bytes of a list; 8 MiB by default. */
  body_bytes?: number;
  /** The limits of a catalog. */
  limits?: {
    documents?: number;
    document_bytes?: number;
    depth?: number;
    uid_bytes?: number;
    target_bytes?: number;
  };
}

/** The host's part of a mirror. */
export interface MirrorOptions {
  /**
   * Sends a request; the runtime's `fetch` by default. It must not follow redirects, and the messages
   * of its errors reach clients.
   */
  fetch?: typeof fetch;
  /** A place that keeps the catalog while the program does not run. */
  storage?: SnapshotStorage;
}

/** A catalog to store. It holds no credentials, and is plain JSON. */
export interface SavedSnapshot {
  /** The nodes that were configured. */
  nodes: string[];
  /** The body of the list. */
  body: string;
  /** An opaque text by which the upstream can be asked whether the catalog is unchanged. */
  validator?: string;
  /** The moment of the catalog, in milliseconds since 1970. */
  madeAt: number;
}

/** A place that keeps a catalog while the program does not run. */
export interface SnapshotStorage {
  /** Reads the catalog; undefined if there is none. */
  load(): Promise<SavedSnapshot | undefined>;
  /** Stores a catalog in place of the one before. */
  save(saved: SavedSnapshot): Promise<void>;
}

/** The state of a mirror, for metrics. */
export interface MirrorStatus {
  /** The age of the catalog in milliseconds; undefined if there is none. */
  age: number | undefined;
  /**
   * Whether there are answers: the upstream was asked within two refresh intervals (`fresh`), it was
   * not (`stale`), or there is no catalog that may answer (`unavailable`).
   */
  freshness: "fresh" | "stale" | "unavailable";
  /** The reason why the catalog is not fresh. */
  reason: string | undefined;
  /** The index of the node that is asked now or next. */
  node: number;
  /** The number of fetches that brought another catalog than before, or the first one. */
  changed: number;
  /** The number of fetches that brought the same catalog as before. */
  unchanged: number;
  /** The number of fetches that were redirected. */
  redirected: number;
  /** The number of fetches that failed. */
  failed: number;
}

/**
 * The catalog of a cluster, kept fresh over the cluster's REST API, and kept when the cluster does not
 * answer. The component decides when to fetch, from which node, and what may be answered.
 *
 * Made by {@link Standalone.mirror}.
 */
export class Mirror implements Catalog {
  #held: Held;
  #nodes: string[];
  #fetch: typeof fetch;
  #storage: SnapshotStorage | undefined;
  #restored = false;
  /** The moment of the last storing. */
  #savedAt = -Infinity;
  /** The state that was logged last, if the catalog is not fresh. */
  #logged: "stale" | "unavailable" | undefined;
  /** The present run of the background. */
  #run: object | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @internal */
  constructor(held: Held, nodes: string[], options: MirrorOptions) {
    this.#held = held;
    this.#nodes = nodes;
    // A runtime's `fetch` is called as a function, not as a method of this object.
    this.#fetch = options.fetch ?? ((...request) => fetch(...request));
    this.#storage = options.storage;
  }

  /**
   * Keeps the catalog fresh in the background until {@link stop} is called. Ends once the first fetch
   * has ended, well or not. The background keeps no program running.
   */
  async start(): Promise<void> {
    this.stop();
    const run = {};
    this.#run = run;
    await this.#turn(run);
  }

  /** Ends the background. The mirror goes on answering from what it holds. */
  stop(): void {
    this.#run = undefined;
    clearTimeout(this.#timer);
  }

  /**
   * Sends the request that is due now, if there is one, or waits for the one that is outstanding. Returns
   * the time in milliseconds after which to call this again.
   *
   * A host without a background, such as a worker, calls this with each request.
   */
  async refresh(): Promise<number> {
    await this.#restore();
    for (;;) {
      const next = this.#held.poll(now());
      if (next.tag === "fetch") {
        const outcome = await this.#send(next.val);
        if (outcome.tag === "redirected") {
          continue;
        }
        return 0;
      }
      // A mirror of a cluster never asks to read a store.
      const wait = next.tag === "wait" ? Number(next.val - now()) : 0;
      if (!this.#held.status(now()).fetching) {
        return Math.max(wait, 0);
      }
      // Another call has sent the request. In a worker it may end with that call and never settle, so
      // nothing is awaited but the time.
      await sleep(Math.min(wait, OUTSTANDING_MILLISECONDS));
    }
  }

  listModules(roles: string[]): Module[] {
    return answered(CatalogError, () => this.#held.listModules(now(), roles));
  }

  getModule(roles: string[], uid: string): Module {
    return answered(CatalogError, () => this.#held.getModule(now(), roles, uid));
  }

  findModules(roles: string[], name: string, version?: string): Module[] {
    return answered(CatalogError, () => this.#held.findModules(now(), roles, name, version));
  }

  latestModules(roles: string[]): Module[] {
    return answered(CatalogError, () => this.#held.latestModules(now(), roles));
  }

  fittingModules(roles: string[], redisVersion: string): Fitting[] {
    return answered(CatalogError, () => this.#held.fittingModules(now(), roles, redisVersion));
  }

  /** Answers an HTTP request, with its `age`. Every failure is a response. */
  handle(request: Request): Response {
    return asBytes(this.#held.handle(now(), asText(request)));
  }

  /** The state of the mirror. */
  get status(): MirrorStatus {
    const status = this.#held.status(now());
    return {
      age: status.age === undefined ? undefined : Number(status.age),
      freshness: status.freshness.tag,
      reason: reasonIn(status),
      node: status.node,
      changed: Number(status.changed),
      unchanged: Number(status.unchanged),
      redirected: Number(status.redirected),
      failed: Number(status.failed),
    };
  }

  /** The catalog to store; undefined if none is held. A {@link SnapshotStorage} is given it by itself. */
  save(): SavedSnapshot | undefined {
    const saved = this.#held.save(now());
    if (saved === undefined) {
      return undefined;
    }
    const { body, validator, age } = saved;
    const catalog = { nodes: this.#nodes, body, madeAt: Date.now() - Number(age) };
    return validator === undefined ? catalog : { ...catalog, validator };
  }

  /**
   * Holds a catalog that was saved, unless one is held already.
   *
   * @throws {MalformedError} if it is no catalog
   */
  restore(saved: SavedSnapshot): void {
    const { body, validator, madeAt } = saved;
    const age = BigInt(Math.max(0, Math.floor(Date.now() - madeAt)));
    const kept = validator === undefined ? { body, age } : { body, validator, age };
    answered(MalformedError, () => this.#held.restore(now(), kept));
  }

  async #turn(run: object): Promise<void> {
    const wait = await this.refresh();
    if (this.#run !== run) {
      return;
    }
    const timer = setTimeout(() => void this.#turn(run), wait);
    this.#timer = timer;
    // On Node.js and Bun a timer is an object, and keeps the program running unless told not to.
    (timer as { unref?: () => void }).unref?.();
  }

  async #send(fetch: Fetch): Promise<Outcome> {
    const response = await fetched(this.#fetch, fetch);
    const outcome =
      typeof response === "string"
        ? this.#held.failed(now(), fetch.id, response)
        : this.#held.answered(now(), fetch.id, response);
    this.#log(outcome);
    await this.#store(outcome);
    return outcome;
  }

  /** Logs when the catalog is stale or may not answer any more, and when it is fresh again, once each. */
  #log(outcome: Outcome): void {
    const { freshness, reason } = this.status;
    const before = this.#logged;
    if (outcome.tag === "failed" && freshness !== "fresh" && freshness !== before) {
      this.#logged = freshness;
      const what = freshness === "stale" ? "is stale" : "has no catalog that may answer";
      console.error(`ccs-modules: the mirror ${what}: ${reason}`);
    } else if (before !== undefined && ["changed", "unchanged"].includes(outcome.tag)) {
      this.#logged = undefined;
      console.error("ccs-modules: the mirror is fresh again");
    }
  }

  async #restore(): Promise<void> {
    if (this.#storage === undefined || this.#restored) {
      return;
    }
    this.#restored = true;
    try {
      const saved = await this.#storage.load();
      if (saved === undefined) {
        return;
      }
      if (!saved.nodes.some((node) => this.#nodes.includes(node))) {
        console.error("ccs-modules: the stored catalog is of another cluster, and is not used");
        return;
      }
      this.restore(saved);
      this.#savedAt = saved.madeAt;
    } catch (error) {
      console.error(`ccs-modules: the stored catalog cannot be read: ${messageOf(error)}`);
    }
  }

  /** Stores a catalog that is new, and one that was revalidated a while after it was stored. */
  async #store(outcome: Outcome): Promise<void> {
    const due =
      outcome.tag === "changed" ||
      (outcome.tag === "unchanged" && Date.now() - this.#savedAt > STORED_MILLISECONDS);
    if (this.#storage === undefined || !due) {
      return;
    }
    const saved = this.save();
    try {
      if (saved !== undefined) {
        await this.#storage.save(saved);
        this.#savedAt = saved.madeAt;
      }
    } catch (error) {
      console.error(`ccs-modules: the catalog cannot be stored: ${messageOf(error)}`);
    }
  }
}

/** The reason why the configuration of a mirror is refused. It names the option and shows no value. */
export class ConfigurationError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConfigurationError";
  }
}

/** The time between two looks at a request that another call has sent. */
const OUTSTANDING_MILLISECONDS = 20;

/** The time after which a catalog that is unchanged is stored again: then its age is near the truth. */
const STORED_MILLISECONDS = 3_600_000;

/** The present moment, by a clock that does not go back. */
function now(): bigint {
  return BigInt(Math.floor(performance.now()));
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function reasonIn({ freshness }: Status): string | undefined {
  switch (freshness.tag) {
    case "fresh":
      return undefined;
    case "stale":
      return freshness.val.reason;
    case "unavailable":
      return freshness.val;
  }
}

/** Sends a request. Returns the response, or the reason why there is none. */
async function fetched(send: typeof fetch, request: Fetch): Promise<Fetched | string> {
  const { url, headers, timeout, bodyBytes } = request;
  try {
    const signal = AbortSignal.timeout(Number(timeout));
    const response = await send(url, { headers, redirect: "manual", signal });
    const body = await bytesOf(response, Number(bodyBytes) + LONGEST_CHARACTER);
    const text = decoded(body, body.length > bodyBytes);
    return text === undefined
      ? "a body that is not UTF-8"
      : { status: response.status, headers: Array.from(response.headers), body: text };
  } catch (error) {
    return failure(error, request);
  }
}

/** The most bytes of a character in UTF-8: a body that is cut so much later is still too long. */
const LONGEST_CHARACTER = 4;

/** The body of a response, cut once it is longer than this. */
async function bytesOf(response: globalThis.Response, most: number): Promise<Uint8Array> {
  const reader = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  for (let length = 0; reader !== undefined && length <= most; ) {
    const { done, value } = await reader.read();
    if (done) {
      break;
    }
    chunks.push(value);
    length += value.length;
    if (length > most) {
      await reader.cancel();
    }
  }
  return concatenated(chunks);
}

/** A text in UTF-8; undefined for anything else. One that was cut may end inside a character. */
function decoded(bytes: Uint8Array, isCut: boolean): string | undefined {
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return decoder.decode(bytes, { stream: isCut });
  } catch {
    return undefined;
  }
}

function concatenated(chunks: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** The reason why a request has no response, in words without credentials. */
function failure(error: unknown, { headers, timeout }: Fetch): string {
  if (error instanceof Error && error.name === "TimeoutError") {
    return `no response in ${timeout} ms`;
  }
  const reason = rootOf(error);
  const text = REASONS[codeOf(reason)] ?? messageOf(reason);
  const shown = headers.filter(([, value]) => value !== "" && text.includes(value.split(" ").pop()!));
  return shown.length > 0 ? "the request failed" : text;
}

/** Words for the codes of the runtimes' errors. */
const REASONS: Record<string, string> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the connection was reset",
  ENOTFOUND: "the host name is not known",
  UND_ERR_SOCKET: "the connection broke off",
};

/** The innermost cause of an error. */
function rootOf(error: unknown): unknown {
  while (error instanceof Error && error.cause !== undefined) {
    error = error.cause;
  }
  return error;
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? `${error.code}` : "";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : `${error}`;
}

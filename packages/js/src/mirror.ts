/** Mirrors: catalogs that are kept fresh from a cluster or from a store of your own. */

import {
  answered,
  type Catalog,
  CatalogError,
  type CatalogRequest,
  type CatalogResponse,
  dispose,
  type Fitting,
  type Module,
} from "./catalog.js";
import { fetched } from "./cluster.js";
import type {
  Fetch,
  Fetched,
  Mirror as Inner,
  Next,
  Outcome,
  Read,
  Saved as SavedRecord,
  Status,
  Stored,
} from "./component/interfaces/ccs-modules-mirror.js";
import { consoleLog, type Log } from "./log.js";
import { type Saved, savedIn, written } from "./saved.js";
import { MalformedError } from "./snapshot.js";
import { read, type Store } from "./store.js";
import { messageOf } from "./text.js";

/** The configuration of every mirror. Times are in milliseconds. */
export interface MirrorConfiguration {
  /** The refresh interval; 30 seconds by default. */
  refreshMs?: number;
  /** The greatest age of a catalog that answers while refreshing fails; 24 hours by default. */
  staleIfErrorMs?: number;
  /** The timeout of a request or of a store; 5 seconds by default. */
  timeoutMs?: number;
  /** The limits of a catalog. */
  limits?: {
    documents?: number;
    documentBytes?: number;
    depth?: number;
    uidBytes?: number;
    targetBytes?: number;
  };
}

/** The configuration of the mirror of a cluster. */
export interface ClusterConfiguration extends MirrorConfiguration {
  /** The URLs of the nodes, such as `https://node1:9443`. */
  nodes: string[];
  /** A user of the cluster and the password, or a token, which is sent as `Bearer`. */
  credentials?: { user: string; password: string } | { token: string };
  /** Header fields to send with each request. */
  headers?: Record<string, string>;
  /** The path of the list; `/v1/modules` by default. */
  list?: string;
  /** The most bytes of a list; 8 MiB by default. */
  bodyBytes?: number;
  /** The greatest age of a catalog that answers while the cluster denies it; 1 hour by default. */
  staleIfDeniedMs?: number;
  /** The age below which a response without `cache-status` is fresh; 5 minutes by default. */
  freshAgeMs?: number;
  /** Whether an empty list replaces one with modules; false by default, when it is a failure. */
  allowEmpty?: boolean;
}

/** The host's part of a mirror. */
export interface MirrorOptions {
  /** Logs what happens to the catalog; to `console.error` by default. */
  log?: Log;
  /** A place that keeps the catalog while the program does not run. */
  storage?: SnapshotStorage;
}

/** The host's part of the mirror of a cluster. */
export interface ClusterOptions extends MirrorOptions {
  /**
   * Sends a request; the runtime's `fetch` by default. It must not follow redirects, and the messages
   * of its errors reach clients.
   */
  fetch?: typeof fetch;
}

/**
 * A place that keeps the catalog of a mirror as a text. It contains no credentials. If the text is not
 * one of a mirror, the mirror logs that and stores nothing.
 */
export interface SnapshotStorage {
  /** Reads the text; undefined if there is no text. */
  load(): Promise<string | undefined>;
  /** Stores a text in place of the one before. */
  save(text: string): Promise<void>;
}

/** The state of a mirror, for metrics. */
export interface MirrorStatus {
  /** The age of the catalog in milliseconds; undefined without a catalog, or if its age is unknown. */
  age: number | undefined;
  /**
   * Whether there are answers: the catalog is as fresh as it is meant to be (`fresh`), it is not
   * (`stale`), or there is no catalog that may answer (`unavailable`).
   */
  freshness: "fresh" | "stale" | "unavailable";
  /** The reason why the catalog is not fresh. */
  reason: string | undefined;
  /** The reason of the last failure, if no fetch has succeeded since. */
  failure: string | undefined;
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
 * The source of a mirror: a cluster or a store.
 *
 * @internal
 */
export type Source = { nodes: string[]; fetch: typeof fetch } | { store: Store };

/**
 * A catalog that is kept fresh from its source, and kept when the source does not answer. The component
 * decides when to ask, which node, and what may be answered.
 *
 * Made by {@link Standalone.mirror} and {@link Standalone.mirrorStore}.
 */
export class Mirror implements Catalog {
  /** Makes the mirror in a new instance of the component. */
  #open: () => Inner;
  #inner: Inner;
  #source: Source;
  #storage: SnapshotStorage | undefined;
  #log: Log;
  /** The catalog as it was saved last, for a new instance. */
  #saved: Saved | undefined;
  /** Whether the storage has been read. Before that nothing is stored. */
  #loaded = false;
  /** The reason why the storage cannot be read, once it was logged. */
  #loadFailure: string | undefined;
  /** The moment of the last storing. */
  #storedAt = -Infinity;
  /** The state that was logged last, if the catalog is not fresh. */
  #logged: "stale" | "unavailable" | undefined;
  /** The question to the source that is open. */
  #question: AbortController | undefined;
  /** The present run of the background. */
  #run: object | undefined;
  #timer: Timer | undefined;
  #isDisposed = false;

  /** @internal */
  constructor(open: () => Inner, source: () => Source, { storage, log = consoleLog }: MirrorOptions) {
    this.#open = open;
    this.#inner = open();
    this.#source = source();
    this.#storage = storage;
    this.#log = log;
  }

  /**
   * Keeps the catalog fresh in the background until {@link stop} is called. Ends once the first fetch
   * has ended, well or not.
   *
   * The timers of the background keep no program running. A request that is open does, until it ends.
   */
  async start(): Promise<void> {
    this.stop();
    const run = {};
    this.#run = run;
    await this.#turn(run);
  }

  /** Ends the background, and the request that is open. The mirror still answers from its catalog. */
  stop(): void {
    this.#run = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#question?.abort(new Error("the mirror was stopped"));
  }

  /** Stops the mirror, and frees its memory. */
  [Symbol.dispose](): void {
    this.stop();
    this.#isDisposed = true;
    dispose(this.#inner);
  }

  /**
   * Asks the source if that is due now, or waits for the answer that is outstanding. Returns the time in
   * milliseconds after which to call this again.
   *
   * A host without a background, such as a worker, calls this with each request.
   */
  async refresh(): Promise<number> {
    await this.#load();
    for (;;) {
      const next = this.#call((inner) => inner.poll(now()));
      if (next.tag !== "wait") {
        if ((await this.#ask(next)) === "redirected") {
          continue;
        }
        return 0;
      }
      const wait = Number(next.val - now());
      if (!this.#call((inner) => inner.status(now())).fetching) {
        return Math.max(wait, 0);
      }
      // Another call has sent the request. In a worker it may end with that call and never settle, so
      // nothing is awaited but the time.
      await sleep(Math.min(wait, OUTSTANDING_MILLISECONDS));
    }
  }

  listModules(roles: string[]): Module[] {
    return this.#call((inner) => inner.listModules(now(), roles));
  }

  getModule(roles: string[], uid: string): Module {
    return this.#call((inner) => inner.getModule(now(), roles, uid), uid);
  }

  findModules(roles: string[], name: string, version?: string): Module[] {
    return this.#call((inner) => inner.findModules(now(), roles, name, version));
  }

  latestModules(roles: string[]): Module[] {
    return this.#call((inner) => inner.latestModules(now(), roles));
  }

  fittingModules(roles: string[], redisVersion: string): Fitting[] {
    return this.#call((inner) => inner.fittingModules(now(), roles, redisVersion));
  }

  /** Answers an HTTP request, with its `age`. Every failure is a response. */
  handle(request: CatalogRequest): CatalogResponse {
    return this.#call((inner) => inner.handle(now(), request));
  }

  /** The state of the mirror. */
  get status(): MirrorStatus {
    const status = this.#call((inner) => inner.status(now()));
    return {
      age: status.age === undefined ? undefined : Number(status.age),
      freshness: status.freshness.tag,
      reason: reasonIn(status),
      failure: status.failure,
      node: status.node,
      changed: Number(status.changed),
      unchanged: Number(status.unchanged),
      redirected: Number(status.redirected),
      failed: Number(status.failed),
    };
  }

  /** The catalog to store, a text; undefined without a catalog. A {@link SnapshotStorage} gets it by itself. */
  save(): string | undefined {
    const saved = this.#save();
    return saved && written(saved);
  }

  /**
   * Keeps a catalog that was saved, unless there is one already.
   *
   * @throws {MalformedError} if it is not a catalog
   */
  restore(text: string): void {
    const saved = savedIn(text);
    if (saved === undefined) {
      throw new Error("the saved catalog was cut off");
    }
    this.#restore(saved);
  }

  /** Makes a call of the component. After a failure of the instance itself there is another one. */
  #call<T>(call: (inner: Inner) => T, uid?: string): T {
    try {
      return answered(CatalogError, () => call(this.#inner), uid);
    } catch (error) {
      if (!(error instanceof CatalogError) && !this.#isDisposed) {
        this.#recover(error);
      }
      throw error;
    }
  }

  /** Goes on with a new instance, from the catalog that was saved last. */
  #recover(error: unknown): void {
    this.#log(`the component failed, and the mirror starts again: ${messageOf(error)}`);
    try {
      this.#inner = this.#open();
      if (this.#saved !== undefined) {
        this.#restore(this.#saved);
      }
    } catch (again) {
      this.#log(`the catalog is lost: ${messageOf(again)}`);
      this.#saved = undefined;
      this.#inner = this.#open();
    }
    // The new instance counts this as a failed fetch, so that it does not ask again at once.
    const next = this.#inner.poll(now());
    if (next.tag !== "wait") {
      this.#inner.failed(now(), next.val.id, "the component failed");
    }
  }

  async #turn(run: object): Promise<void> {
    let wait = FAILED_MILLISECONDS;
    try {
      wait = await this.refresh();
    } catch (error) {
      this.#log(`the mirror failed: ${messageOf(error)}`);
    }
    if (this.#run === run) {
      this.#timer = setTimeout(() => void this.#turn(run), wait);
      unref(this.#timer);
    }
  }

  /** Asks the source, and takes its answer. */
  async #ask(next: Question): Promise<Outcome["tag"]> {
    const { id, timeout } = next.val;
    const question = new AbortController();
    this.#question = question;
    const late = () => question.abort(new Error(`no response in ${timeout} ms`));
    const timer = setTimeout(late, Number(timeout));
    if (this.#timer !== undefined) {
      unref(timer); // This is the background.
    }
    const answer = await this.#answer(next, question.signal);
    clearTimeout(timer);

    let outcome: Outcome["tag"] = "failed";
    try {
      outcome = this.#call((inner) => {
        if (typeof answer === "string") {
          return inner.failed(now(), id, answer);
        }
        return "tag" in answer ? inner.stored(now(), id, answer) : inner.answered(now(), id, answer);
      }).tag;
    } catch {
      // This was logged, and there is another instance.
    }

    this.#logFreshness(outcome);
    await this.#keep(outcome);
    return outcome;
  }

  async #answer(next: Question, signal: AbortSignal): Promise<Fetched | Stored | string> {
    if ("store" in this.#source) {
      return read(this.#source.store, next.val as Read, signal, this.#log);
    }
    return fetched(this.#source.fetch, next.val as Fetch, signal);
  }

  /** Logs when the catalog is stale or may not answer any more, and when it is fresh again, once each. */
  #logFreshness(outcome: Outcome["tag"]): void {
    const { freshness, reason } = this.status;
    const before = this.#logged;
    if (outcome === "failed" && freshness !== "fresh" && freshness !== before) {
      this.#logged = freshness;
      const what = freshness === "stale" ? "is stale" : "has no catalog that may answer";
      this.#log(`the mirror ${what}: ${reason}`);
    } else if (before !== undefined && ["changed", "unchanged"].includes(outcome)) {
      this.#logged = undefined;
      this.#log("the mirror is fresh again");
    }
  }

  /** Reads the storage, until that has succeeded once. */
  async #load(): Promise<void> {
    if (this.#storage === undefined || this.#loaded) {
      return;
    }
    let saved: Saved | undefined;
    try {
      const text = await this.#storage.load();
      saved = text ? savedIn(text) : undefined;
      if (text && saved === undefined) {
        this.#log("the stored catalog is damaged and is not used: it was cut off");
      }
    } catch (error) {
      const failure = messageOf(error);
      if (failure !== this.#loadFailure) {
        this.#loadFailure = failure;
        this.#log(`the stored catalog is not used, and none is stored: ${failure}`);
      }
      return;
    }
    if (this.#loaded) {
      return; // Another call was first.
    }
    this.#loaded = true;
    if (saved === undefined) {
      return;
    }
    if (!isOf(this.#nodes, saved)) {
      this.#log("the stored catalog is of another cluster, and is not used");
      return;
    }
    try {
      this.#restore(saved);
      this.#storedAt = saved.madeAt;
    } catch (error) {
      this.#log(`the stored catalog is damaged and is not used: ${messageOf(error)}`);
    }
  }

  #restore(saved: Saved): void {
    const { body, validator, stale, madeAt, validatedAt } = saved;
    const unixMs = Date.now();
    const kept: SavedRecord = { body, sinceValidation: milliseconds(unixMs - validatedAt) };
    if (validator !== undefined) {
      kept.validator = validator;
    }
    if (stale !== undefined) {
      kept.stale = stale;
    }
    // By a clock that was set back, the catalog is of the future.
    if (validatedAt <= unixMs) {
      kept.age = milliseconds(unixMs - madeAt);
    }
    answered(MalformedError, () => this.#inner.restore(now(), kept));
    this.#saved = saved;
  }

  #save(): Saved | undefined {
    const saved = this.#call((inner) => inner.save(now()));
    if (saved === undefined) {
      return undefined;
    }
    const { body, validator, age, sinceValidation, stale } = saved;
    const unixMs = Date.now();
    const [madeAt, validatedAt] = [unixMs - Number(age), unixMs - Number(sinceValidation)];
    return { nodes: this.#nodes, madeAt, validatedAt, stale, validator, body };
  }

  /**
   * Keeps a catalog that is new or was confirmed for a new instance. Stores the new one, and the other a
   * while after it was stored.
   */
  async #keep(outcome: Outcome["tag"]): Promise<void> {
    if (outcome === "changed" || outcome === "unchanged") {
      this.#saved = this.#save();
    }
    const saved = this.#saved;
    const isLate = Math.abs(Date.now() - this.#storedAt) > STORED_MILLISECONDS;
    const due = outcome === "changed" || (outcome === "unchanged" && isLate);
    if (saved === undefined || this.#storage === undefined || !this.#loaded || !due) {
      return;
    }
    try {
      await this.#storage.save(written(saved));
      this.#storedAt = saved.madeAt;
    } catch (error) {
      this.#log(`the catalog cannot be stored: ${messageOf(error)}`);
    }
  }

  /** The nodes of the cluster; empty for a store. */
  get #nodes(): string[] {
    return "nodes" in this.#source ? this.#source.nodes : [];
  }
}

/**
 * The reason why the configuration of a mirror is refused. The message names the option as JSON has it,
 * such as `refresh_ms`, and shows no value.
 */
export class ConfigurationError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConfigurationError";
  }
}

/** A question to the source. */
type Question = Exclude<Next, { tag: "wait" }>;

type Timer = ReturnType<typeof setTimeout>;

/** The time after which the background goes on after an exception. */
const FAILED_MILLISECONDS = 1000;

/** The time between two looks at a request that another call has sent. */
const OUTSTANDING_MILLISECONDS = 20;

/** The time after which a catalog that is unchanged is stored again, so that its stored age stays accurate. */
const STORED_MILLISECONDS = 3_600_000;

/** A time for the component, which is not negative. */
function milliseconds(time: number): bigint {
  return BigInt(Math.max(0, Math.floor(time)));
}

/** The present moment, by a clock that does not go back. */
function now(): bigint {
  return BigInt(Math.floor(performance.now()));
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Lets the program end while a timer runs. On Node.js and Bun a timer is an object. */
function unref(timer: Timer): void {
  (timer as { unref?: () => void }).unref?.();
}

/** Whether a catalog is one of these nodes, or of a store as this mirror is. */
function isOf(nodes: string[], saved: Saved): boolean {
  const isStore = nodes.length === 0 && saved.nodes.length === 0;
  return isStore || saved.nodes.some((node) => nodes.includes(node));
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

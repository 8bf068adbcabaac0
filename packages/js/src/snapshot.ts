/** Catalogs in memory: checked once, and asked many times. */

import {
  answered,
  type Catalog,
  CatalogError,
  type CatalogRequest,
  type CatalogResponse,
  type Differences,
  dispose,
  type Fitting,
  type Module,
} from "./catalog.js";
import type { Malformed, Snapshot as Inner } from "./component/interfaces/ccs-modules-snapshot.js";

/**
 * A catalog of one moment, checked whole. It never changes: a new moment is a new snapshot.
 *
 * Made by {@link Standalone}.
 */
export class Snapshot implements Catalog {
  #inner: Inner;
  #parser: () => (body: string) => Inner;

  /** @internal `parser` returns a function that parses bodies in one new instance. */
  constructor(inner: Inner, parser: () => (body: string) => Inner) {
    this.#inner = inner;
    this.#parser = parser;
  }

  /**
   * Lists every module, in the order of the list.
   *
   * @throws {CatalogError}
   */
  listModules(roles: string[]): Module[] {
    return answered(CatalogError, () => this.#inner.listModules(roles));
  }

  /**
   * Finds the module with this uid.
   *
   * @throws {CatalogError}
   */
  getModule(roles: string[], uid: string): Module {
    return answered(CatalogError, () => this.#inner.getModule(roles, uid), uid);
  }

  findModules(roles: string[], name: string, version?: string): Module[] {
    return answered(CatalogError, () => this.#inner.findModules(roles, name, version));
  }

  latestModules(roles: string[]): Module[] {
    return answered(CatalogError, () => this.#inner.latestModules(roles));
  }

  fittingModules(roles: string[], redisVersion: string): Fitting[] {
    return answered(CatalogError, () => this.#inner.fittingModules(roles, redisVersion));
  }

  /**
   * Compares this catalog, the older one, with a newer one.
   *
   * @throws {CatalogError}
   */
  differences(newer: Snapshot): Differences {
    // A comparison that runs out of memory ends its own instance, and neither snapshot.
    const parse = this.#parser();
    const [older, copy] = [parse(this.body), parse(newer.body)];
    try {
      return answered(CatalogError, () => older.differences(copy));
    } finally {
      dispose(older);
      dispose(copy);
    }
  }

  /** Answers an HTTP request. Every failure is a response. */
  handle(request: CatalogRequest): CatalogResponse {
    return this.#inner.handle(request);
  }

  /** Frees the memory of the snapshot. */
  [Symbol.dispose](): void {
    dispose(this.#inner);
  }

  /** The body of the list: the documents in compact form, in one array, and one line end. */
  get body(): string {
    return this.#inner.body();
  }

  /** The entity tag of the list, with its quotes. */
  get entityTag(): string {
    return this.#inner.entityTag();
  }

  /** The number of modules. */
  get length(): number {
    return this.#inner.len();
  }
}

/** The reason why a catalog is refused. The message names the document, the field and the rule. */
export class MalformedError extends Error {
  /** The uid of the document at fault; undefined if it has no valid uid, or for the whole catalog. */
  readonly document: string | undefined;
  /** The index of the document at fault, counted from 0; undefined for the whole catalog. */
  readonly index: number | undefined;
  /** The field at fault; undefined for the document as a whole. */
  readonly field: string | undefined;
  /** The position in the body, both counted from 1; undefined for a catalog given as documents. */
  readonly position: { line: number; column: number } | undefined;

  constructor(malformed: Malformed) {
    super(malformed.message);
    this.name = "MalformedError";
    this.document = malformed.document;
    this.index = malformed.index;
    this.field = malformed.field;
    this.position = malformed.position;
  }
}

/** Catalogs in memory: checked once, and asked many times. */

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
  Differences,
  Malformed,
  Snapshot as Held,
} from "./component/interfaces/ccs-modules-snapshot.js";
import { asBytes, asText } from "./text.js";

export type { Differences };

/**
 * A catalog of one moment, checked whole. It never changes: a new moment is a new snapshot.
 *
 * Made by {@link Standalone}.
 */
export class Snapshot implements Catalog {
  #held: Held;
  #parse: (body: string) => Held;

  /** @internal */
  constructor(held: Held, parse: (body: string) => Held) {
    this.#held = held;
    this.#parse = parse;
  }

  /**
   * Lists every module, in the order of the list.
   *
   * @throws {CatalogError}
   */
  listModules(roles: string[]): Module[] {
    return answered(CatalogError, () => this.#held.listModules(roles));
  }

  /**
   * Finds the module with this uid.
   *
   * @throws {CatalogError}
   */
  getModule(roles: string[], uid: string): Module {
    return answered(CatalogError, () => this.#held.getModule(roles, uid));
  }

  findModules(roles: string[], name: string, version?: string): Module[] {
    return answered(CatalogError, () => this.#held.findModules(roles, name, version));
  }

  latestModules(roles: string[]): Module[] {
    return answered(CatalogError, () => this.#held.latestModules(roles));
  }

  fittingModules(roles: string[], redisVersion: string): Fitting[] {
    return answered(CatalogError, () => this.#held.fittingModules(roles, redisVersion));
  }

  /**
   * Compares this catalog, the older one, with a newer one.
   *
   * @throws {CatalogError}
   */
  differences(newer: Snapshot): Differences {
    // The instance of this snapshot cannot see the one of the other.
    const copy = answered(MalformedError, () => this.#parse(newer.body));
    return answered(CatalogError, () => this.#held.differences(copy));
  }

  /** Answers an HTTP request. Every failure is a response. */
  handle(request: Request): Response {
    return asBytes(this.#held.handle(asText(request)));
  }

  /** The body of the list: the canonical documents in one array, and one line end. */
  get body(): string {
    return this.#held.body();
  }

  /** The entity tag of the list, with its quotes. */
  get entityTag(): string {
    return this.#held.entityTag();
  }

  /** The number of modules. */
  get length(): number {
    return this.#held.len();
  }
}

/** The reason why a catalog is refused. The message names the document, the field and the rule. */
export class MalformedError extends Error {
  /** The uid of the document at fault; undefined if it has no sound uid, or for the whole catalog. */
  readonly document: string | undefined;
  /** The index of the document at fault, counted from 0, if it has no sound uid. */
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

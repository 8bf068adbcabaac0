/** The records and errors of every catalog. */

import type {
  Caller,
  Differences,
  Error as Payload,
  Fitting,
  Module,
  Request as CatalogRequest,
  Response as CatalogResponse,
} from "./component/interfaces/ccs-modules-types.js";

export type { Caller, CatalogRequest, CatalogResponse, Differences, Fitting, Module };

/** A function that gives a core module of the component, a `WebAssembly.Module`, by its file name. */
export type CoreModules = (file: string) => object;

/** A catalog in memory: a snapshot or a mirror. */
export interface Catalog {
  /**
   * Lists every module, in the order of the list.
   *
   * @throws {CatalogError}
   */
  listModules(roles: string[]): Module[];
  /**
   * Finds the module with this uid.
   *
   * @throws {CatalogError}
   */
  getModule(roles: string[], uid: string): Module;
  /**
   * Finds the modules of a name, newest first. Case does not matter. The version is the semantic
   * version, its beginning, or the version as one number: `2.10.17`, `2.10`, `21017`.
   *
   * @throws {CatalogError}
   */
  findModules(roles: string[], name: string, version?: string): Module[];
  /**
   * Lists the newest module of each name.
   *
   * @throws {CatalogError}
   */
  latestModules(roles: string[]): Module[];
  /**
   * Chooses, for each name, the module that a database of this Redis version gets, such as `7.4`, with
   * the rule and the reason.
   *
   * @throws {CatalogError}
   */
  fittingModules(roles: string[], redisVersion: string): Fitting[];
  /** Answers an HTTP request. Every failure is a response. */
  handle(request: CatalogRequest): CatalogResponse;
}

/** The reason why the catalog has no answer. Further kinds may be added. */
export class CatalogError extends Error {
  /** The case of the error. */
  readonly kind: Payload["tag"];

  constructor(payload: Payload, uid?: string) {
    super("val" in payload ? payload.val : REASONS[payload.tag](uid));
    this.name = "CatalogError";
    this.kind = payload.tag;
  }
}

/** The reasons of the errors that come without one. */
const REASONS = {
  forbidden: () => "none of the roles has the permission view_cluster_modules",
  "not-found": (uid?: string) => `there is no module with the uid ${JSON.stringify(uid)}`,
};

/**
 * Makes a call of the component. An error that it returns is thrown as this class makes it, of the uid
 * that was looked up.
 */
export function answered<E, T>(kind: new (returned: E, uid?: string) => Error, call: () => T, uid?: string): T {
  try {
    return call();
  } catch (error) {
    throw error instanceof Error && "payload" in error ? new kind(error.payload as E, uid) : error;
  }
}

/** Frees the memory of a resource of the component. */
export function dispose(resource: object): void {
  // As the component's own code has it, for a runtime without the symbol.
  const symbol = Symbol.dispose ?? Symbol.for("dispose");
  (resource as Record<symbol, () => void>)[symbol]!();
}

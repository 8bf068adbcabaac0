/** The records and errors that the components share. */

import type { Error as Payload, Module } from "./component/interfaces/ccs-modules-catalog.js";
import type { Fitting } from "./component/interfaces/ccs-modules-lookup.js";
import type { Caller, Request, Response } from "./component/interfaces/ccs-modules-rest.js";

export type { Caller, Fitting, Module, Request, Response };

/** A function that loads a core module of a component by its file name. */
export type CoreModules = (file: string) => WebAssembly.Module;

/** A catalog that is held in memory: a snapshot or a mirror. */
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
   * Chooses, for each name, the module that a database of this Redis version gets, such as `7.4`, and
   * says by which rule and why.
   *
   * @throws {CatalogError}
   */
  fittingModules(roles: string[], redisVersion: string): Fitting[];
  /** Answers an HTTP request. Every failure is a response. */
  handle(request: Request): Response;
}

/** The reason why the catalog has no answer. Further kinds may be added. */
export class CatalogError extends Error {
  /** The case of the error. */
  readonly kind: Payload["tag"];

  constructor(payload: Payload) {
    super("val" in payload ? payload.val : payload.tag);
    this.name = "CatalogError";
    this.kind = payload.tag;
  }
}

/** The error that a component returned; undefined for what was thrown otherwise. */
export function payload<T>(error: unknown): T | undefined {
  return error instanceof Error && "payload" in error ? (error.payload as T) : undefined;
}

/** Makes a call of a component. An error that it returns is thrown as this class makes it. */
export function answered<E, T>(kind: new (returned: E) => Error, call: () => T): T {
  try {
    return call();
  } catch (error) {
    const returned = payload<E>(error);
    throw returned === undefined ? error : new kind(returned);
  }
}

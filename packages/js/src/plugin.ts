/** The plugin component, transpiled to JavaScript. */

import {
  CatalogError,
  type CoreModules,
  type Fitting,
  type Module,
  payload,
  type Request,
  type Response,
} from "./catalog.js";
import type { Ccs } from "./ccs.js";
import type { Error as Payload } from "./component/interfaces/ccs-modules-catalog.js";
import { instantiate, type Root } from "./component/plugin.js";

/** The modules API. Each call gets the store that it reads, and keeps nothing. */
export class Plugin {
  #modules: CoreModules;
  #root: Root | undefined;
  #ccs: Ccs | undefined;

  constructor(modules: CoreModules) {
    this.#modules = modules;
  }

  /**
   * Lists every module, in the store's order.
   *
   * @throws {CatalogError}
   */
  listModules(ccs: Ccs, roles: string[]): Module[] {
    return this.#call(ccs, ({ catalog }) => catalog.listModules(roles));
  }

  /**
   * Finds the module with this uid.
   *
   * @throws {CatalogError}
   */
  getModule(ccs: Ccs, roles: string[], uid: string): Module {
    return this.#call(ccs, ({ catalog }) => catalog.getModule(roles, uid));
  }

  /**
   * Finds the modules of a name, newest first: see {@link Catalog.findModules}.
   *
   * @throws {CatalogError}
   */
  findModules(ccs: Ccs, roles: string[], name: string, version?: string): Module[] {
    return this.#call(ccs, ({ lookup }) => lookup.findModules(roles, name, version));
  }

  /**
   * Lists the newest module of each name.
   *
   * @throws {CatalogError}
   */
  latestModules(ccs: Ccs, roles: string[]): Module[] {
    return this.#call(ccs, ({ lookup }) => lookup.latestModules(roles));
  }

  /**
   * Chooses, for each name, the module that a database of this Redis version gets: see
   * {@link Catalog.fittingModules}.
   *
   * @throws {CatalogError}
   */
  fittingModules(ccs: Ccs, roles: string[], redisVersion: string): Fitting[] {
    return this.#call(ccs, ({ lookup }) => lookup.fittingModules(roles, redisVersion));
  }

  /** Answers an HTTP request. Every failure of the store is a response. */
  handle(ccs: Ccs, request: Request): Response {
    return this.#call(ccs, ({ rest }) => rest.handle(request));
  }

  #call<T>(ccs: Ccs, call: (root: Root) => T): T {
    // A call is synchronous: no other call can run meanwhile and find this store.
    this.#ccs = ccs;
    try {
      return call((this.#root ??= this.#instantiate()));
    } catch (error) {
      const found = payload<Payload>(error);
      if (found !== undefined) {
        throw new CatalogError(found);
      }
      // The instance stopped in the middle of a call, and is not used again.
      this.#root = undefined;
      throw error;
    } finally {
      this.#ccs = undefined;
    }
  }

  #instantiate(): Root {
    const store = (): Ccs => {
      if (this.#ccs === undefined) {
        throw new Error("the store is asked outside a call");
      }
      return this.#ccs;
    };
    const ccs: Ccs = {
      listDocuments: () => store().listDocuments(),
      getDocument: (uid) => store().getDocument(uid),
    };
    // jco declares the import with its version, and looks for it without.
    const imports = { "ccs:modules/ccs@0.1.0": ccs, "ccs:modules/ccs": ccs };
    return instantiate(this.#modules, imports);
  }
}

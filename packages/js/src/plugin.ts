/** The plugin: the component, as JavaScript. */

import type { Ccs } from "./ccs.js";
import type { Error as Refusal, Module } from "./component/interfaces/ccs-modules-catalog.js";
import type { Request, Response } from "./component/interfaces/ccs-modules-rest.js";
import { instantiate, type Root } from "./component/plugin.js";

export type { Module, Request, Response };

/** Gives a core module of the component, by its file name. */
export type CoreModules = (file: string) => WebAssembly.Module;

/** The plugin. Each call is given the store that it reads, and leaves nothing behind. */
export class Plugin {
  #modules: CoreModules;
  #root: Root | undefined;
  #ccs: Ccs | undefined;

  constructor(modules: CoreModules) {
    this.#modules = modules;
  }

  /**
   * Every module, in the store's order.
   *
   * @throws {CatalogError}
   */
  listModules(ccs: Ccs, roles: string[]): Module[] {
    return this.#call(ccs, ({ catalog }) => catalog.listModules(roles));
  }

  /**
   * The module with this uid.
   *
   * @throws {CatalogError}
   */
  getModule(ccs: Ccs, roles: string[], uid: string): Module {
    return this.#call(ccs, ({ catalog }) => catalog.getModule(roles, uid));
  }

  /** Answers an HTTP request. Every failure is a response too. */
  handle(ccs: Ccs, request: Request): Response {
    return this.#call(ccs, ({ rest }) => rest.handle(request));
  }

  #call<T>(ccs: Ccs, call: (root: Root) => T): T {
    // Calls are synchronous: no other one can come in between and find this one's store.
    this.#ccs = ccs;
    try {
      return call((this.#root ??= this.#instantiate()));
    } catch (error) {
      if (isRefusal(error)) {
        throw new CatalogError(error.payload);
      }
      // What was thrown left the instance in the middle of a call.
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

/** Why the catalogue has no answer. Treat the set of kinds as open. */
export class CatalogError extends Error {
  readonly kind: Refusal["tag"];

  constructor(refusal: Refusal) {
    super("val" in refusal ? refusal.val : refusal.tag);
    this.name = "CatalogError";
    this.kind = refusal.tag;
  }
}

function isRefusal(error: unknown): error is { payload: Refusal } {
  return error instanceof Error && "payload" in error;
}

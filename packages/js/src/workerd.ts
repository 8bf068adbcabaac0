/** The host for workerd, the runtime of Cloudflare Workers. */

import standaloneCore from "./component/standalone.core.wasm";
import standaloneCore2 from "./component/standalone.core2.wasm";
import standaloneCore3 from "./component/standalone.core3.wasm";
import type { Mirror, SnapshotStorage } from "./mirror.js";
import { Standalone } from "./standalone.js";
import { type Store, StoreError } from "./store.js";

/** The core modules of the component. workerd compiles no module at run time: each is imported. */
const MODULES: Record<string, WebAssembly.Module> = {
  "standalone.core.wasm": standaloneCore,
  "standalone.core2.wasm": standaloneCore2,
  "standalone.core3.wasm": standaloneCore3,
};

/** Loads the component of this package. */
export function load(): Standalone {
  return new Standalone((file) => MODULES[file]!);
}

/** The part of a Workers KV namespace that is used here. */
export interface KeyValue {
  get(key: string, type: "arrayBuffer"): Promise<ArrayBuffer | null>;
  get(key: string, type: "text"): Promise<string | null>;
  put(key: string, value: string): Promise<void>;
}

/** The part of a request's context that is used here. */
export interface Context {
  waitUntil(work: Promise<unknown>): void;
}

/**
 * A store in a Workers KV namespace, whose key `key` has the body of `GET /v1/modules`: one value, one
 * moment of the store. A store whose key is missing is unavailable, and not empty.
 */
export function keyValue(namespace: KeyValue, key = "modules"): Store {
  return async () => {
    const name = `key ${JSON.stringify(key)} of the Workers KV namespace`;
    const value = await namespace.get(key, "arrayBuffer").catch((cause: unknown) => {
      throw new StoreError(`cannot read ${name}`, { cause });
    });
    if (value === null) {
      throw new StoreError(`${name} is missing`);
    }
    return new Uint8Array(value);
  };
}

/** Keeps the catalog of a mirror under a key of a Workers KV namespace. */
export function keyValueStorage(namespace: KeyValue, key = "mirror"): SnapshotStorage {
  return {
    load: async () => (await namespace.get(key, "text")) ?? undefined,
    save: (text) => namespace.put(key, text),
  };
}

/**
 * Refreshes a mirror on the occasion of a request: a worker has no background of its own. A catalog
 * that is fresh answers at once, and so does a stale one while the source fails. The work goes on after
 * the answer. Otherwise the work comes first.
 */
export async function refresh(mirror: Mirror, context?: Context): Promise<void> {
  const work = mirror.refresh();
  const { freshness, failure } = mirror.status;
  const failing = freshness === "stale" && failure !== undefined;
  if (context !== undefined && (freshness === "fresh" || failing)) {
    context.waitUntil(work);
  } else {
    await work;
  }
}

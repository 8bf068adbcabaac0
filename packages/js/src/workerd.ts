/** The host for workerd, the runtime of Cloudflare Workers. */

import modules from "./component/imports.js";
import type { Mirror, SnapshotStorage } from "./mirror.js";
import { Standalone } from "./standalone.js";
import { type Store, StoreError } from "./store.js";

/** Loads the component of this package. workerd compiles no module at run time: each is imported. */
export function load(): Standalone {
  return new Standalone((file) => modules[file]!);
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
 * that may answer does so at once, and the work goes on after the answer. Without such a catalog, or
 * without a context, the work comes first.
 */
export async function refresh(mirror: Mirror, context?: Context): Promise<void> {
  const work = mirror.refresh();
  if (context !== undefined && mirror.status.freshness !== "unavailable") {
    context.waitUntil(work);
  } else {
    await work;
  }
}

/** The host for workerd, the runtime of Cloudflare Workers. */

import type { Header } from "./access.js";
import { type Store, StoreError } from "./ccs.js";
import pluginCore from "./component/plugin.core.wasm";
import pluginCore2 from "./component/plugin.core2.wasm";
import pluginCore3 from "./component/plugin.core3.wasm";
import standaloneCore from "./component/standalone.core.wasm";
import standaloneCore2 from "./component/standalone.core2.wasm";
import standaloneCore3 from "./component/standalone.core3.wasm";
import { Documents } from "./documents.js";
import type { Mirror, SnapshotStorage } from "./mirror.js";
import { Plugin } from "./plugin.js";
import type { Handler } from "./service.js";
import { Standalone } from "./standalone.js";

/** The core modules of the components. workerd compiles no module at run time: each is imported. */
const MODULES: Record<string, WebAssembly.Module> = {
  "plugin.core.wasm": pluginCore,
  "plugin.core2.wasm": pluginCore2,
  "plugin.core3.wasm": pluginCore3,
  "standalone.core.wasm": standaloneCore,
  "standalone.core2.wasm": standaloneCore2,
  "standalone.core3.wasm": standaloneCore3,
};

/** Loads the plugin component of this package. */
export function load(): Plugin {
  return new Plugin((file) => MODULES[file]!);
}

/** Loads the standalone component of this package. */
export function loadStandalone(): Standalone {
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
 * A store in a Workers KV namespace, whose key `key` holds the body of `GET /v1/modules`: one value,
 * one moment of the store. It is read for each request that needs it. A store whose key is missing
 * is unavailable, and not empty.
 */
export function keyValue(namespace: KeyValue, key = "modules"): Store {
  const read = async (): Promise<Documents> => {
    const name = `key ${JSON.stringify(key)} of the Workers KV namespace`;
    const value = await namespace.get(key, "arrayBuffer").catch((error: unknown) => {
      console.error(`ccs-modules: cannot read ${name}:`, error);
      throw new StoreError("unavailable", `cannot read ${name}`);
    });
    if (value === null) {
      throw new StoreError("unavailable", `${name} is missing`);
    }
    try {
      return Documents.parse(new Uint8Array(value));
    } catch (error) {
      throw new StoreError("other", `${name}: ${error instanceof Error ? error.message : error}`);
    }
  };
  return {
    listDocuments: async () => (await read()).listDocuments(),
    getDocument: async (uid) => (await read()).getDocument(uid),
  };
}

/** Keeps the catalog of a mirror under a key of a Workers KV namespace. */
export function keyValueStorage(namespace: KeyValue, key = "mirror"): SnapshotStorage {
  return {
    async load() {
      const saved = await namespace.get(key, "text");
      return saved === null ? undefined : JSON.parse(saved);
    },
    save: (saved) => namespace.put(key, JSON.stringify(saved)),
  };
}

/**
 * Refreshes a mirror on the occasion of a request: a worker has no background of its own. A catalog
 * that is fresh answers at once, and the work goes on after the answer. Otherwise the work comes first.
 */
export async function refresh(mirror: Mirror, context?: Context): Promise<void> {
  const work = mirror.refresh();
  if (context !== undefined && mirror.status.freshness === "fresh") {
    context.waitUntil(work);
  } else {
    await work;
  }
}

/** Answers a request: `fetch: (request) => respond(handler, request)`. */
export async function respond(handler: Handler, request: Request): Promise<Response> {
  const { method, url } = request;
  const headers = Array.from(request.headers, ([name, value]): Header => [name, encoded(value)]);
  const answer = await handler.handle({ method, target: url, headers });
  const body = answer.body.length === 0 ? null : new Uint8Array(answer.body);
  return new Response(body, { status: answer.status, headers: answer.headers });
}

/**
 * The bytes of a header value. workerd decodes values as UTF-8 and writes U+FFFD for what is not.
 * Such a value is given as bytes that are not UTF-8 either, so that it grants nothing.
 */
function encoded(value: string): Uint8Array {
  const bytes = utf8.encode(value);
  return value.includes("\ufffd") ? Uint8Array.of(...bytes, 0xff) : bytes;
}

const utf8 = new TextEncoder();

// A program that uses the package. It is compiled, and not run: it tests the types.

import { createServer } from "node:http";

import { CatalogError, type Module, serveCatalog, type Store, StoreError } from "ccs-modules";
import { jsonFile, listener, load, snapshotFile } from "ccs-modules/node";
import worker, { type Env } from "ccs-modules/worker";
import { keyValue, refresh } from "ccs-modules/workerd";

const standalone = load();

// A catalog in memory.
const catalog = standalone.parse('[{"uid":"a"}]');
const modules: Module[] = catalog.listModules(["db_viewer"]);
const names: (string | undefined)[] = modules.map((module) => module.moduleName);
const version: number | undefined = catalog.getModule(["admin"], "a").version;
const tag: string = catalog.entityTag;

try {
  catalog.getModule([], "a");
} catch (error) {
  if (error instanceof CatalogError && error.kind === "not-found") {
    console.log(names, version);
  }
  // @ts-expect-error: there is no such kind
  if (error instanceof CatalogError && error.kind === "lost") {
  }
}

// Stores of one's own.
const store: Store = async (known, signal) => {
  const response = await fetch("https://example.com/modules.json", { signal });
  const version = response.headers.get("etag");
  if (version === null) {
    throw new StoreError("no entity tag");
  }
  return version === known ? undefined : { content: await response.text(), version };
};
const mirror = standalone.mirrorStore(store, { refreshMs: 1000 }, { storage: snapshotFile("kept.json") });
const simple = standalone.mirrorStore(() => ['{"uid":"a"}', Uint8Array.of(0x7b, 0x7d)]);
await mirror.start();
simple[Symbol.dispose]();

// @ts-expect-error: a store returns no object
standalone.mirrorStore(() => [{ uid: "a" }]);

const service = serveCatalog(() => mirror, async (headers) => {
  const token: string | undefined = headers.find(([name]) => name === "x-token")?.[1];
  return token === undefined ? { tag: "unauthenticated", val: "Bearer" } : ["db_viewer", tag];
});
createServer(listener(service)).listen(0);
createServer(listener(serveCatalog(() => standalone.mirrorStore(jsonFile("modules.json")), () => undefined)));

// A worker that authenticates in its own way.
let known: ReturnType<typeof standalone.mirrorStore> | undefined;
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    if (request.headers.has("x-internal")) {
      return worker.fetch(request, env);
    }
    const mirror = (known ??= standalone.mirrorStore(keyValue(env.CCS!)));
    await refresh(mirror);
    return serveCatalog(() => mirror, () => ["db_viewer"]).fetch(request);
  },
};

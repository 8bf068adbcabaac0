// A program that uses the package. It is compiled, and not run: it tests the types.

import { createServer } from "node:http";

import { type Ccs, CatalogError, type Module, Documents, Service, serveCatalog, type Store, StoreError, withStore } from "ccs-modules";
import { jsonFile, listener, load, loadStandalone } from "ccs-modules/node";
import worker, { type Env } from "ccs-modules/worker";
import { keyValue, respond } from "ccs-modules/workerd";

const plugin = load();

const ccs: Ccs = {
  listDocuments: () => [new TextEncoder().encode('{"uid":"a"}')],
  getDocument: () => {
    throw new StoreError("unavailable", "down");
  },
};
const modules: Module[] = plugin.listModules(ccs, ["db_viewer"]);
const names: (string | undefined)[] = modules.map((module) => module.moduleName);
const version: number | undefined = plugin.getModule(ccs, ["admin"], "a").version;

try {
  plugin.getModule(new Documents([]), [], "a");
} catch (error) {
  if (error instanceof CatalogError && error.kind === "not-found") {
    console.log(names, version);
  }
  // @ts-expect-error: there is no such kind
  if (error instanceof CatalogError && error.kind === "lost") {
  }
}

// @ts-expect-error: a store gives bytes
plugin.listModules({ listDocuments: () => ["{}"], getDocument: () => undefined }, []);

const file: Store = jsonFile("modules.json");
const listed: Promise<Module[]> = withStore(file, (store) => plugin.listModules(store, ["admin"]));
await listed;

const service = new Service(plugin, file, async (headers) => {
  const token = headers.find(([name]) => name.toLowerCase() === "x-token")?.[1];
  return token === undefined ? undefined : ["db_viewer"];
});
createServer(listener(service)).listen(0);

// A catalog that is held in memory.
const catalog = loadStandalone().parse('[{"uid":"a"}]');
const held: Module = catalog.getModule(["admin"], "a");
const tag: string = catalog.entityTag;
createServer(listener(serveCatalog(() => catalog, () => [held.uid, tag]))).listen(0);

// A worker that authenticates in its own way.
export default {
  fetch(request: Request, env: Env): Promise<Response> {
    if (request.headers.has("x-internal")) {
      return worker.fetch(request, env);
    }
    return respond(new Service(plugin, keyValue(env.CCS!), () => ["db_viewer"]), request);
  },
};

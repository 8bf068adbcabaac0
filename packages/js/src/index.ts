/** The Redis Enterprise modules API, over a store of yours or over a catalog in memory. */

export type { Authenticate, Header, Sender } from "./access.js";
export {
  type Caller,
  CatalogError,
  type CoreModules,
  type Module,
  type Request,
  type Response,
} from "./catalog.js";
export { type Ccs, type Store, StoreError } from "./ccs.js";
export { Documents } from "./documents.js";
export { Plugin } from "./plugin.js";
export { type Handler, Service, serveSnapshot, withStore } from "./service.js";
export { MalformedError, PolicyError, Snapshot, Standalone } from "./standalone.js";

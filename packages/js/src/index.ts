/** The Redis Enterprise modules API over a store of yours. */

export { type Authenticate, type Header, type Policy, authenticate } from "./access.js";
export { type Ccs, type Store, StoreError } from "./ccs.js";
export {
  CatalogError,
  type CoreModules,
  type Module,
  Plugin,
  type Request,
  type Response,
} from "./plugin.js";
export { Service, withStore } from "./service.js";
export { Snapshot } from "./snapshot.js";

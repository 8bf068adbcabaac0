/** The modules API over a store of yours: the plugin, and what a host needs around it. */

export { type Authenticate, type Header, type Policy, authenticate } from "./access.js";
export { type Ccs, Snapshot, StoreError } from "./ccs.js";
export {
  CatalogError,
  type CoreModules,
  type Module,
  Plugin,
  type Request,
  type Response,
} from "./plugin.js";
export { Service, type Store, withStore } from "./service.js";

/** The Redis Enterprise modules API, over a store of yours or over a catalog in memory. */

export type { Authenticate, Header, Sender } from "./access.js";
export {
  type Caller,
  type Catalog,
  CatalogError,
  type CoreModules,
  type Fitting,
  type Module,
  type Request,
  type Response,
} from "./catalog.js";
export { type Ccs, type Store, StoreError } from "./ccs.js";
export { Documents } from "./documents.js";
export {
  ConfigurationError,
  Mirror,
  type MirrorConfiguration,
  type MirrorOptions,
  type MirrorStatus,
  type SavedSnapshot,
  type SnapshotStorage,
} from "./mirror.js";
export { Plugin } from "./plugin.js";
export { type Handler, serveCatalog, Service, withStore } from "./service.js";
export { type Differences, MalformedError, Snapshot } from "./snapshot.js";
export { PolicyError, Standalone } from "./standalone.js";

/** The Redis Enterprise modules API, over a catalog in memory, a store of yours or a cluster. */

export type { Authenticate, Header, Sender } from "./access.js";
export {
  type Caller,
  type Catalog,
  CatalogError,
  type CatalogRequest,
  type CatalogResponse,
  type CoreModules,
  type Differences,
  type Fitting,
  type Module,
} from "./catalog.js";
export {
  type ClusterConfiguration,
  type ClusterOptions,
  ConfigurationError,
  Mirror,
  type MirrorConfiguration,
  type MirrorOptions,
  type MirrorStatus,
  type SnapshotStorage,
} from "./mirror.js";
export type { Log } from "./log.js";
export { type Handler, type Received, serveCatalog, type Served } from "./service.js";
export { MalformedError, Snapshot } from "./snapshot.js";
export { PolicyError, Standalone } from "./standalone.js";
export { type Content, type Found, type Store, StoreError } from "./store.js";

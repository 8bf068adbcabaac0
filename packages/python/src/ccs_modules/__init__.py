"""The Redis Enterprise modules API, over a catalog in memory or a store of yours.

    from ccs_modules import Snapshot

    snapshot = Snapshot.parse(open("modules.json").read())   # a body of GET /v1/modules
    for module in snapshot.list_modules(["db_viewer"]):
        print(module.uid, module.module_name)

`Snapshot` holds a catalog in memory. `Mirror` keeps the catalog of a cluster fresh. `Plugin` asks a
store of yours during each call. `ccs_modules.asgi` answers over HTTP, by an access `Policy`.
"""

from ccs_modules.access import Anonymous, Policy, PolicyError
from ccs_modules.catalog import (
    CatalogError,
    Forbidden,
    Malformed,
    Module,
    NotFound,
    Response,
    Unavailable,
)
from ccs_modules.lookup import (
    ChangedModule,
    ChosenModule,
    Differences,
    FieldDifference,
    Fitting,
    OtherModule,
)
from ccs_modules.mirror import ConfigurationError, Mirror, Saved, Status
from ccs_modules.plugin import Plugin
from ccs_modules.snapshot import Snapshot
from ccs_modules.store import Ccs, StoreDenied, StoreError, StoreUnavailable

__all__ = [
    "Anonymous",
    "CatalogError",
    "Ccs",
    "ChangedModule",
    "ChosenModule",
    "ConfigurationError",
    "Differences",
    "FieldDifference",
    "Fitting",
    "Forbidden",
    "Malformed",
    "Mirror",
    "Module",
    "NotFound",
    "OtherModule",
    "Plugin",
    "Policy",
    "PolicyError",
    "Response",
    "Saved",
    "Snapshot",
    "Status",
    "StoreDenied",
    "StoreError",
    "StoreUnavailable",
    "Unavailable",
]

"""The Redis Enterprise modules API, over a catalog in memory, a store of yours or a cluster.

    from ccs_modules import Snapshot

    snapshot = Snapshot.parse(open("modules.json").read())   # a body of GET /v1/modules
    for module in snapshot.list_modules(["db_viewer"]):
        print(module.uid, module.module_name)

`Snapshot` is a catalog in memory. `Mirror` keeps the catalog of a cluster or of a store of yours fresh.
`ccs_modules.asgi` answers over HTTP, by an access `Policy`.
"""

from ccs_modules.access import Anonymous, Policy, PolicyError, Unauthenticated
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
from ccs_modules.mirror import ConfigurationError, Mirror, Status
from ccs_modules.snapshot import Snapshot
from ccs_modules.store import StoreError, Versioned

__all__ = [
    "Anonymous",
    "CatalogError",
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
    "Policy",
    "PolicyError",
    "Response",
    "Snapshot",
    "Status",
    "StoreError",
    "Unauthenticated",
    "Unavailable",
    "Versioned",
]

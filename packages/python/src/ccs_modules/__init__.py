"""The Redis Enterprise modules API, from a store of yours.

    from ccs_modules import Plugin

    class Store:
        def list_documents(self): return [b'{"module_name":"bf","uid":"a"}']
        def get_document(self, uid): return None

    plugin = Plugin(Store())
    plugin.list_modules(["db_viewer"])[0].module_name  # "bf"

`ccs_modules.asgi` answers the same over HTTP.
"""

from ccs_modules.catalog import (
    CatalogError,
    Forbidden,
    Malformed,
    Module,
    NotFound,
    Response,
    Unavailable,
)
from ccs_modules.plugin import Plugin
from ccs_modules.store import Ccs, StoreDenied, StoreError, StoreUnavailable

__all__ = [
    "CatalogError",
    "Ccs",
    "Forbidden",
    "Malformed",
    "Module",
    "NotFound",
    "Plugin",
    "Response",
    "StoreDenied",
    "StoreError",
    "StoreUnavailable",
    "Unavailable",
]

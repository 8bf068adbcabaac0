"""The plugin component, which asks a store during each call."""

import logging
import os
import threading
from typing import Any

import wasmtime
from wasmtime import Config, Engine, Store
from wasmtime.component import Component, Linker, Variant

from ccs_modules._component import component_file, exported, request
from ccs_modules.catalog import CatalogError, Module, Response, module, ok
from ccs_modules.lookup import Lookups
from ccs_modules.store import Ccs, StoreError

FUEL = 10_000_000_000
"""The computation that one call may take: some seconds."""

MEMORY = 64 << 20
"""The memory that one call may have, in bytes."""

_COMPONENT = "ccs_modules_plugin.wasm"

_log = logging.getLogger("ccs_modules")


class Plugin(Lookups):
    """The modules API over a store. Each call runs in a new instance of the component.

    Threads may share a plugin if they may share its store.
    """

    def __init__(self, ccs: Ccs, component: str | os.PathLike[str] | None = None):
        """Loads the component from the file `component`; without one, the component of this package."""
        config = Config()
        config.consume_fuel = True
        self._engine = Engine(config)
        self._component = Component(self._engine, _bytes(component))
        self._ccs = ccs
        self._thread = threading.local()
        self._linker = Linker(self._engine)
        with self._linker.root() as root:
            with root.add_instance("ccs:modules/ccs@0.1.0") as instance:
                instance.add_func("list-documents", lambda _: self._list_documents())
                instance.add_func("get-document", lambda _, uid: self._get_document(uid))

    def list_modules(self, roles: list[str]) -> list[Module]:
        """Returns every module, in the store's order. Raises `CatalogError`."""
        return [module(record) for record in ok(self._call("catalog", "list-modules", roles))]

    def get_module(self, roles: list[str], uid: str) -> Module:
        """Returns the module with this uid. Raises `CatalogError`."""
        answer = self._call("catalog", "get-module", roles, uid)
        if isinstance(answer, _Failed):
            answer = self._call("catalog", "list-modules", roles, failed=answer)
        return module(ok(answer))

    def handle(
        self,
        method: str,
        target: str,
        headers: list[tuple[str, bytes]],
        roles: list[str] | None,
        *,
        anonymous: bool = False,
    ) -> Response:
        """Answers an HTTP request; `roles` is None for a caller who is not authenticated.

        `anonymous` says that every request has these roles, so that shared caches may keep the
        responses. Every failure of the store is a response.
        """
        answer = self._call("rest", "handle", request(method, target, headers, roles, anonymous))
        if isinstance(answer, _Failed):
            asks_all = request(method, "/v1/modules", headers, roles, anonymous)
            answer = self._call("rest", "handle", asks_all, failed=answer)
        return Response(answer.status, answer.headers, bytes(answer.body))

    def _look_up(self, function: str, *arguments: object) -> Any:
        return self._call("lookup", function, *arguments)

    def _call(
        self, interface: str, function: str, *arguments: object, failed: "_Failed | None" = None
    ) -> Any:
        """Makes a call. Returns `_Failed` where the store had no answer to a question for one document.

        wasmtime cannot return an error from `get-document`, whose result may be none. Such a call
        is given up. The caller makes one that asks for all documents, with `failed` as the answer:
        the component says the same of both.
        """
        store = Store(self._engine)
        store.set_fuel(FUEL)
        store.set_limits(memory_size=MEMORY)
        self._thread.failed = failed
        try:
            instance = self._linker.instantiate(store, self._component)
            return exported(store, instance, interface, function)(store, *arguments)
        except _Failed as failed:
            return failed
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            reason = "the component failed: a limit of memory or computation was met"
            raise CatalogError(reason) from error

    def _list_documents(self) -> list[bytes] | Variant:
        try:
            return self._thread.failed.variant if self._thread.failed else _documents(self._ccs)
        except Exception as error:
            return _Failed(error).variant

    def _get_document(self, uid: str) -> bytes | None:
        try:
            return _document(self._ccs, uid)
        except Exception as error:
            raise _Failed(error) from None


class _Failed(Exception):
    """The store has no answer. `variant` is the reason as the component takes it."""

    def __init__(self, error: Exception):
        super().__init__()
        if isinstance(error, StoreError):
            self.variant = Variant(error.case, str(error))
        else:
            _log.error("the store failed", exc_info=error)
            self.variant = Variant("other", "the store failed")


def _bytes(component: str | os.PathLike[str] | None) -> bytes:
    if component is None:
        return component_file(_COMPONENT)
    with open(component, "rb") as file:
        return file.read()


def _documents(ccs: Ccs) -> list[bytes]:
    documents = ccs.list_documents()
    if not isinstance(documents, list) or not all(isinstance(one, bytes) for one in documents):
        raise TypeError("list_documents has to return a list of bytes")
    return documents


def _document(ccs: Ccs, uid: str) -> bytes | None:
    document = ccs.get_document(uid)
    if not isinstance(document, bytes | None):
        raise TypeError("get_document has to return bytes or None")
    return document

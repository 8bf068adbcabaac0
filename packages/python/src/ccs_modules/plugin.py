"""The plugin component, which asks a store during each call."""

import logging
import os
from importlib import resources
from types import SimpleNamespace

import wasmtime
from wasmtime import Config, Engine, Store
from wasmtime.component import Component, Linker, Record, ResultType, Variant, VariantType

from ccs_modules.catalog import (
    CatalogError,
    Forbidden,
    Malformed,
    Module,
    NotFound,
    Response,
    Unavailable,
)
from ccs_modules.store import Ccs, StoreError

FUEL = 10_000_000_000
"""The computation that one call may take: some seconds."""

MEMORY = 64 << 20
"""The memory that one call may have, in bytes."""

_COMPONENT = "ccs_modules_plugin.wasm"

_log = logging.getLogger("ccs_modules")


class Plugin:
    """The modules API over a store. Each call runs in a new instance of the component.

    Threads may share a plugin if they may share its store.
    """

    def __init__(self, ccs: Ccs, component: str | os.PathLike | None = None):
        """Loads the component from the file `component`; without one, the component of this package."""
        config = Config()
        config.consume_fuel = True
        self._engine = Engine(config)
        self._component = Component(self._engine, _bytes(component))
        self._linker = Linker(self._engine)
        with self._linker.root() as root:
            with root.add_instance("ccs:modules/ccs@0.1.0") as instance:
                instance.add_func("list-documents", _answer(lambda: _documents(ccs)))
                instance.add_func("get-document", _answer(lambda uid: _document(ccs, uid)))

    def list_modules(self, roles: list[str]) -> list[Module]:
        """Returns every module, in the store's order. Raises `CatalogError`."""
        return [_module(record) for record in _ok(self._call("catalog", "list-modules", roles))]

    def get_module(self, roles: list[str], uid: str) -> Module:
        """Returns the module with this uid. Raises `CatalogError`."""
        return _module(_ok(self._call("catalog", "get-module", roles, uid)))

    def handle(
        self,
        method: str,
        target: str,
        headers: list[tuple[str, bytes]],
        roles: list[str] | None,
    ) -> Response:
        """Answers an HTTP request; `roles` is None for a caller who is not authenticated.

        Every failure of the store is a response.
        """
        request = Record()
        request.method, request.target, request.headers = method, target, headers
        request.roles = roles
        answer = self._call("rest", "handle", request)
        return Response(answer.status, answer.headers, bytes(answer.body))

    def _call(self, interface: str, function: str, *arguments: object) -> object:
        store = Store(self._engine)
        store.set_fuel(FUEL)
        store.set_limits(memory_size=MEMORY)
        try:
            instance = self._linker.instantiate(store, self._component)
            exported = instance.get_export_index(store, f"ccs:modules/{interface}@0.1.0")
            index = instance.get_export_index(store, function, exported)
            return instance.get_func(store, index)(store, *arguments)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            raise CatalogError("the component failed: a limit of memory or computation was met") from error


def _bytes(component: str | os.PathLike | None) -> bytes:
    if component is None:
        return resources.files("ccs_modules").joinpath(_COMPONENT).read_bytes()
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


def _answer(function):
    """Makes a function for the component of one of the store: its errors become values."""

    def answer(_, *arguments):
        try:
            return function(*arguments)
        except StoreError as error:
            return Variant(error.case, str(error))
        except Exception:
            _log.exception("the store failed")
            return Variant("other", "the store failed")

    return answer


def _ok(answer: object) -> object:
    if not isinstance(answer, Variant):
        return answer
    raised = {
        "forbidden": Forbidden,
        "not-found": NotFound,
        "unavailable": Unavailable,
        "malformed": Malformed,
    }
    raise raised.get(answer.tag, CatalogError)(answer.payload or answer.tag)


def _module(record: Record) -> Module:
    return Module(**{name.replace("-", "_"): value for name, value in vars(record).items()})


def _let_results_fail() -> None:
    """Mends wasmtime 50.0.1, which takes the error of a `result<option<T>, E>` for an `ok`."""
    lower = ResultType._lower

    def lower_errors_too(self, store, value):
        error = self.err
        if isinstance(value, Variant) and isinstance(error, VariantType) and not self._tagged():
            if error._tagged():
                self = SimpleNamespace(_tagged=lambda: False, _cases=lambda: [("err", error)])
        return lower(self, store, value)

    ResultType._lower = lower_errors_too


_let_results_fail()

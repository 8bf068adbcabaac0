"""The Redis Enterprise modules API in Python: the plugin component, over a store of yours.

    class Store:
        def list_documents(self): return [b'{"module_name":"bf","uid":"a"}']
        def get_document(self, uid): return None

    plugin = Plugin("ccs_modules_plugin.wasm", Store())
    plugin.list_modules(["db_viewer"])[0].module_name  # "bf"

Needs `wasmtime` from PyPI. Threads may share a plugin if they may share its store.
"""

import os
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Protocol

from wasmtime import Config, Engine, Store
from wasmtime.component import Component, Linker, Record, ResultType, Variant, VariantType

FUEL = 10_000_000_000
"""What one call may compute: some seconds of it."""

MEMORY = 64 << 20
"""How much memory one call may have, in bytes."""


class Ccs(Protocol):
    """A store. A document is one JSON object, UTF-8, exactly as stored.

    Both functions may raise `StoreError`.
    """

    def list_documents(self) -> list[bytes]:
        """Every document. The order is kept all the way to the client."""

    def get_document(self, uid: str) -> bytes | None:
        """The document stored under `uid`; none if there is none."""


class StoreError(Exception):
    """Why a store has no answer. The text is shown to clients: one line, without credentials."""

    case = "other"


class StoreUnavailable(StoreError):
    """The store cannot be reached, or is not ready."""

    case = "unavailable"


class StoreDenied(StoreError):
    """The store refuses this host."""

    case = "denied"


class CatalogError(Exception):
    """Why the catalogue has no answer. The subclasses are an open set."""


class Forbidden(CatalogError):
    """None of the roles holds the permission to see modules."""


class NotFound(CatalogError):
    """There is no module with this uid."""


class Unavailable(CatalogError):
    """The store is unavailable, or refuses this host."""


class Malformed(CatalogError):
    """A stored document breaks the rules: which one, which field, and why."""


@dataclass(frozen=True)
class Module:
    """One module. A field is none where the document does not have it."""

    uid: str
    module_name: str | None
    display_name: str | None
    semantic_version: str | None
    version: int | None
    author: str | None
    email: str | None
    homepage: str | None
    description: str | None
    license: str | None
    capabilities: list[str]
    command_line_args: str | None
    config_command: str | None
    min_redis_version: str | None
    is_bundled: bool | None
    document: str
    """The whole object as canonical JSON."""


@dataclass(frozen=True)
class Response:
    """An HTTP response, whole."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Plugin:
    """The plugin. Each call runs in an instance of its own, which ends with it."""

    def __init__(self, component: str | os.PathLike, ccs: Ccs):
        config = Config()
        config.consume_fuel = True
        self._engine = Engine(config)
        self._component = Component.from_file(self._engine, os.fspath(component))
        self._linker = Linker(self._engine)
        with self._linker.root() as root:
            with root.add_instance("ccs:modules/ccs@0.1.0") as instance:
                instance.add_func("list-documents", _answer(ccs.list_documents))
                instance.add_func("get-document", _answer(ccs.get_document))

    def list_modules(self, roles: list[str]) -> list[Module]:
        """Every module, in the store's order. Raises `CatalogError`."""
        return [_module(record) for record in _ok(self._call("catalog", "list-modules", roles))]

    def get_module(self, roles: list[str], uid: str) -> Module:
        """The module with this uid. Raises `CatalogError`."""
        return _module(_ok(self._call("catalog", "get-module", roles, uid)))

    def handle(
        self,
        method: str,
        target: str,
        headers: list[tuple[str, bytes]],
        roles: list[str] | None,
    ) -> Response:
        """Answers an HTTP request; no roles: nobody is authenticated. Every failure is a response."""
        request = Record()
        request.method, request.target, request.headers = method, target, headers
        request.roles = roles
        answer = self._call("rest", "handle", request)
        return Response(answer.status, answer.headers, bytes(answer.body))

    def _call(self, interface: str, function: str, *arguments: object) -> object:
        store = Store(self._engine)
        store.set_fuel(FUEL)
        store.set_limits(memory_size=MEMORY)
        instance = self._linker.instantiate(store, self._component)
        exported = instance.get_export_index(store, f"ccs:modules/{interface}@0.1.0")
        index = instance.get_export_index(store, function, exported)
        return instance.get_func(store, index)(store, *arguments)


def _answer(function):
    """The store's function as the component is given it: an error is a value there."""

    def answer(_, *arguments):
        try:
            return function(*arguments)
        except StoreError as error:
            return Variant(error.case, str(error))

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
    """Mends wasmtime 50.0.1, where a result whose `ok` may be none takes an error for an `ok`."""
    lower = ResultType._lower

    def lower_errors_too(self, store, value):
        error = self.err
        if isinstance(value, Variant) and isinstance(error, VariantType) and not self._tagged():
            if error._tagged():
                self = SimpleNamespace(_tagged=lambda: False, _cases=lambda: [("err", error)])
        return lower(self, store, value)

    ResultType._lower = lower_errors_too


_let_results_fail()

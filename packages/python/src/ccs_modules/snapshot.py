"""Catalogs in memory: checked once, and asked many times."""

import dataclasses
import json
import threading
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import wasmtime
from wasmtime import Engine, Store
from wasmtime.component import Component, Linker, Record

from ccs_modules._component import component_file, exported
from ccs_modules.catalog import (
    CatalogError,
    Forbidden,
    Malformed,
    Module,
    Response,
    caller,
    module,
    ok,
)


class Snapshot:
    """A catalog of one moment, checked whole. It never changes: a new moment is a new snapshot.

    Threads may share a snapshot.
    """

    def __init__(self, constructor: str, catalog: str | list[str]):
        """Makes a snapshot in an instance of its own. Call `parse` or `from_documents` instead."""
        engine, component, linker = _component()
        self._store = Store(engine)
        self._instance = linker.instantiate(self._store, component)
        self._functions: dict[str, Callable[..., Any]] = {}
        self._lock = threading.Lock()
        made = self._call(f"[static]snapshot.{constructor}", catalog)
        if isinstance(made, Record):
            raise _malformed(made)
        self._resource = made

    @classmethod
    def parse(cls, body: str | bytes) -> "Snapshot":
        """Checks a catalog that is given as a body of `GET /v1/modules`. Raises `Malformed`."""
        return cls("parse", _text("the body", body))

    @classmethod
    def from_documents(cls, documents: Iterable[str | bytes]) -> "Snapshot":
        """Checks a catalog that is given as its documents, in the order of the list. Raises `Malformed`."""
        texts = [_text(f"document at index {at}", text) for at, text in enumerate(documents)]
        return cls("from-documents", texts)

    def list_modules(self, roles: list[str]) -> list[Module]:
        """Returns every module, in the order of the list. Raises `CatalogError`."""
        response = self._handle("GET", "/v1/modules", [], roles)
        if response.status != 200:
            raise Forbidden("forbidden") if response.status == 403 else CatalogError(response.body)
        return _modules(response.body)

    def get_module(self, roles: list[str], uid: str) -> Module:
        """Returns the module with this uid. Raises `CatalogError`."""
        return module(ok(self._method("get-module", roles, uid)))

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
        responses. Every failure is a response.
        """
        response = self._handle(method, target, headers, roles, anonymous)
        return Response(response.status, response.headers, response.body.encode())

    @property
    def body(self) -> str:
        """The body of the list: the canonical documents in one array, and one line end."""
        return str(self._method("body"))

    @property
    def entity_tag(self) -> str:
        """The entity tag of the list, with its quotes."""
        return str(self._method("entity-tag"))

    def __len__(self) -> int:
        """Returns the number of modules."""
        return int(self._method("len"))

    def _handle(
        self,
        method: str,
        target: str,
        headers: list[tuple[str, bytes]],
        roles: list[str] | None,
        anonymous: bool = False,
    ) -> Any:
        request: Any = Record()
        request.method, request.target = method, target
        request.caller = caller(roles, anonymous)
        request.headers = [(name, value.decode(errors="replace")) for name, value in headers]
        return self._method("handle", request)

    def _method(self, name: str, *arguments: object) -> Any:
        return self._call(f"[method]snapshot.{name}", self._resource, *arguments)

    def _call(self, name: str, *arguments: object) -> Any:
        with self._lock:
            try:
                return self._function(name)(self._store, *arguments)
            except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
                raise CatalogError("the component failed: it may have run out of memory") from error

    def _function(self, name: str) -> Callable[..., Any]:
        if name not in self._functions:
            self._functions[name] = exported(self._store, self._instance, "snapshot", name)
        return self._functions[name]


@cache
def _component() -> tuple[Engine, Component, Linker]:
    """The compiled component, and the linker, which has nothing to give it."""
    engine = Engine()
    component = Component(engine, component_file("ccs_modules_standalone.wasm"))
    return engine, component, Linker(engine)


def _modules(body: str) -> list[Module]:
    """Reads the modules of a list's body.

    wasmtime converts a list of records one field at a time, and a text at once: a list of 10,000
    modules takes seconds as records.
    """
    texts: dict[str, str] = {}

    def shared(value: Any) -> Any:
        """Returns an equal text of another module, if there is one: most texts are in many modules."""
        return texts.setdefault(value, value) if isinstance(value, str) else value

    modules, end = [], 0
    while body[end + 1] == "{":
        start = end + 1
        document, end = _decoder.raw_decode(body, start)
        fields = {name: shared(document.get(name)) for name in _FIELDS}
        fields["capabilities"] = [shared(name) for name in fields["capabilities"] or []]
        modules.append(Module(**fields, document=body[start:end]))
    return modules


_FIELDS = [field.name for field in dataclasses.fields(Module) if field.name != "document"]

# Python refuses to convert very long integers. No field of a module is one.
_decoder = json.JSONDecoder(parse_int=lambda text: int(text) if len(text) < 20 else text)


def _malformed(record: Any) -> Malformed:
    error = Malformed(record.message)
    error.document, error.index, error.field = record.document, record.index, record.field
    if record.position is not None:
        error.line, error.column = record.position.line, record.position.column
    return error


def _text(what: str, text: str | bytes) -> str:
    try:
        return text if isinstance(text, str) else text.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"{what}: byte {error.start} is not UTF-8") from None

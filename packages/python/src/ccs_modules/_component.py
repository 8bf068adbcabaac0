"""The components of this package, and their instances."""

import threading
from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Any

import wasmtime
from wasmtime import Engine, Store
from wasmtime.component import Component, Instance, Linker, Record

from ccs_modules.catalog import CatalogError, caller


class Standalone:
    """An instance of the standalone component. Threads may share it: one call runs at a time."""

    def __init__(self) -> None:
        engine, component, linker = _standalone()
        self._store = Store(engine)
        self._instance = linker.instantiate(self._store, component)
        self._functions: dict[tuple[str, str], Callable[..., Any]] = {}
        self._lock = threading.Lock()

    def call(self, interface: str, name: str, *arguments: object) -> Any:
        """Calls a function. Raises `CatalogError` if the component fails."""
        with self._lock:
            try:
                return self._function(interface, name)(self._store, *arguments)
            except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
                raise CatalogError("the component failed: it may have run out of memory") from error

    def drop(self, resource: Any) -> None:
        """Frees the memory of a resource."""
        with self._lock:
            resource.drop(self._store)

    def _function(self, interface: str, name: str) -> Callable[..., Any]:
        if (interface, name) not in self._functions:
            function = exported(self._store, self._instance, interface, name)
            self._functions[interface, name] = function
        return self._functions[interface, name]


def request(
    method: str,
    target: str,
    headers: list[tuple[str, str]] | list[tuple[str, bytes]],
    roles: list[str] | None,
    anonymous: bool,
) -> Any:
    """Returns a request as the components take it. Standalone takes header fields as texts."""
    made: Any = Record()
    made.method, made.target, made.headers = method, target, headers
    made.caller = caller(roles, anonymous)
    return made


def as_text(headers: list[tuple[str, bytes]]) -> list[tuple[str, str]]:
    """Returns header fields as texts, with U+FFFD for what is not UTF-8."""
    return [(name, value.decode(errors="replace")) for name, value in headers]


def component_file(name: str) -> bytes:
    """Returns a component of this package."""
    return resources.files("ccs_modules").joinpath(name).read_bytes()


def exported(store: Store, instance: Instance, interface: str, name: str) -> Callable[..., Any]:
    """Returns the function `name` of an interface of this project."""
    found = instance.get_export_index(store, f"ccs:modules/{interface}@0.1.0")
    index = instance.get_export_index(store, name, found)
    function = instance.get_func(store, index) if index else None
    if function is None:
        raise LookupError(f"the component has no function {interface}.{name}")
    return function


@cache
def _standalone() -> tuple[Engine, Component, Linker]:
    """The compiled component, and the linker, which has nothing to give it."""
    engine = Engine()
    component = Component(engine, component_file("ccs_modules_standalone.wasm"))
    return engine, component, Linker(engine)

"""The component of this package, and its instances."""

import os
import sys
import threading
from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Any

import wasmtime
from wasmtime import Config, Engine, Store
from wasmtime.component import Component, Linker, Variant

from ccs_modules.catalog import CatalogError

_CONVERTING = threading.Lock()
"""The one lock of the process. wasmtime keeps the cases of variants in a global while it converts values."""


if sys.platform != "win32":
    # A child of a fork has one thread: no other one may be in a call at that moment.
    os.register_at_fork(
        before=_CONVERTING.acquire,
        after_in_parent=_CONVERTING.release,
        after_in_child=_CONVERTING.release,
    )


class ComponentFailed(CatalogError):
    """An instance of the component failed, and cannot be called again."""


class ComponentGone(ComponentFailed):
    """An instance of the component failed in an earlier call."""


class Instance:
    """An instance of the component. Threads may share it: one call runs at a time."""

    def __init__(self) -> None:
        engine, component, linker = _standalone()
        self._store = Store(engine)
        self._instance = linker.instantiate(self._store, component)
        self._functions: dict[tuple[str, str], Callable[..., Any]] = {}
        self._has_failed = False

    def call(self, interface: str, name: str, *arguments: object) -> Any:
        """Calls a function. Raises `ComponentFailed`, after which this instance is of no use."""
        reason = "the component failed: it may have run out of memory"
        with _CONVERTING:
            if self._has_failed:
                raise ComponentGone(reason)
            try:
                return self._function(interface, name)(self._store, *arguments)
            except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
                self._has_failed = True
                raise ComponentFailed(reason) from error

    def _function(self, interface: str, name: str) -> Callable[..., Any]:
        """Returns the function `name` of an interface of this project."""
        if (interface, name) not in self._functions:
            store, instance = self._store, self._instance
            found = instance.get_export_index(store, f"ccs:modules/{interface}@0.1.0")
            index = instance.get_export_index(store, name, found)
            function = instance.get_func(store, index) if index else None
            if function is None:
                raise LookupError(f"the component has no function {interface}.{name}")
            self._functions[interface, name] = function
        return self._functions[interface, name]


class Resource:
    """A resource of the component, in an instance of its own."""

    def __init__(self, interface: str, kind: str, constructor: str, *arguments: object):
        """Makes the resource: `made` is it, or the error that the constructor returned."""
        self._interface, self._kind = interface, kind
        self.instance = Instance()
        self.made = self.instance.call(interface, f"[static]{kind}.{constructor}", *arguments)

    def call(self, name: str, *arguments: object) -> Any:
        """Calls a method."""
        function = f"[method]{self._kind}.{name}"
        return self.instance.call(self._interface, function, self.made, *arguments)


def ok(answer: Any, uid: str | None = None) -> Any:
    """Returns the answer of a call, which may have asked for a uid. Raises the component's error, if it
    returned one."""
    if not isinstance(answer, Variant):
        return answer
    raise CatalogError.of(answer.tag, answer.payload, uid)


@cache
def _standalone() -> tuple[Engine, Component, Linker]:
    """The compiled component, and the linker, which has nothing to give it."""
    config = Config()
    # The threads that compile would be gone after a fork, and a compilation in the child would hang.
    config.parallel_compilation = False
    engine = Engine(config)
    component = Component(engine, _FILE.read_bytes())
    return engine, component, Linker(engine)


_FILE = resources.files("ccs_modules").joinpath("ccs_modules_standalone.wasm")

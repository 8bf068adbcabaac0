"""The functions that a component exports."""

from collections.abc import Callable
from importlib import resources
from typing import Any

from wasmtime import Store
from wasmtime.component import Instance


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

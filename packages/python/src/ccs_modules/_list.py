"""Modules, read from the body of a list."""

import dataclasses
import json
from typing import Any

from ccs_modules.catalog import Module


def modules_in(body: str) -> list[Module]:
    """Returns the modules of a list's body.

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
        fields["capabilities"] = tuple(shared(name) for name in fields["capabilities"] or [])
        modules.append(Module(**fields, document=body[start:end]))
    return modules


_FIELDS = [field.name for field in dataclasses.fields(Module) if field.name != "document"]

# Python refuses to convert very long integers. No field of a module is one.
_decoder = json.JSONDecoder(parse_int=lambda text: int(text) if len(text) < 20 else text)

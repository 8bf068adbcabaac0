"""Saved catalogs: texts, by which a mirror starts while its source is down. `serve` has the same ones."""

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Saved:
    """The content of a saved catalog. It has no credentials in it."""

    nodes: list[str]
    """The nodes that were configured; none for a store."""
    made_at: int
    """The moment of the catalog, in milliseconds since 1970."""
    validator: str | None
    """The text by which the source can be asked whether the catalog is unchanged."""
    body: str
    """The body of the list."""


def written(saved: Saved) -> str:
    """Writes a saved catalog. The body comes last, as it is."""
    fields = {"nodes": saved.nodes, "as_of_unix_ms": saved.made_at, "validator": saved.validator}
    return f"{json.dumps(fields, separators=(',', ':'))[:-1]}{_BODY}{saved.body.rstrip()}}}\n"


def saved_in(text: str) -> Saved:
    """Reads a saved catalog. Raises `ValueError` if a mirror did not write the text."""
    head, name, tail = text.partition(_BODY)
    try:
        fields = json.loads(head + "}")
        nodes, made_at, validator = (fields[name] for name in ("nodes", "as_of_unix_ms", "validator"))
    except (KeyError, TypeError, ValueError):
        name = ""
    if not name or not isinstance(nodes, list) or not isinstance(made_at, int):
        raise ValueError("it was not written by a mirror")
    return Saved(nodes, made_at, validator, tail.rpartition("}")[0])


_BODY = ',"modules":'
"""The name of the last field. In a string its quotes would be escaped."""

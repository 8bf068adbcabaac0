"""Saved catalogs: texts, by which a mirror starts while its source is down. `serve` has the same ones."""

import json
import re
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
    head = json.dumps(fields, separators=(",", ":"))[:-1]
    return f'{head},"modules":{saved.body.rstrip()}}}\n'


def saved_in(text: str) -> Saved:
    """Reads a saved catalog, whose body is not checked: the text may have been cut off in it. Raises
    `ValueError` if a mirror did not write the text."""
    head, *rest = _BODY.split(text, maxsplit=1)
    try:
        fields = json.loads(head + "}")
        nodes, made_at = fields["nodes"], fields["as_of_unix_ms"]
    except (KeyError, TypeError, ValueError):
        rest = []
    if not rest or not isinstance(nodes, list) or not isinstance(made_at, int):
        raise ValueError("it was not written by a mirror")
    return Saved(nodes, made_at, fields.get("validator"), rest[0].rpartition("}")[0])


_BODY = re.compile(r',\s*"modules"\s*:')
"""The name of the last field. In a string its quotes would be escaped."""

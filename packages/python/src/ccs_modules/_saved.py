"""Saved catalogs: texts, by which a mirror starts while its source is down. `serve` has the same ones."""

import json
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Saved:
    """The content of a saved catalog. It has no credentials in it."""

    nodes: list[str]
    """The nodes that were configured; empty for a store."""
    made_at: int
    """The moment of the catalog, in milliseconds since 1970."""
    validated_at: int
    """The moment at which the source was asked for it last, in milliseconds since 1970."""
    stale: str | None
    """The reason why the catalog was stale when it came, if it was."""
    validator: str | None
    """The text by which the source can be asked whether the catalog is unchanged."""
    body: str
    """The body of the list."""


def written(saved: Saved) -> str:
    """Writes a saved catalog. The body comes last, as it is."""
    fields = {
        "nodes": saved.nodes,
        "as_of_unix_ms": saved.made_at,
        "validated_unix_ms": saved.validated_at,
        "stale": saved.stale,
        "validator": saved.validator,
    }
    head = json.dumps(fields, separators=(",", ":"))[:-1]
    return f'{head},"modules":{saved.body.rstrip()}}}\n'


def saved_in(text: str) -> Saved | None:
    """Reads a saved catalog, whose body is not checked: the text may have been cut off in it. Returns None
    if it was cut off before. Raises `ValueError` if a mirror did not write the text."""
    head, *rest = _BODY.split(text, maxsplit=1)
    if not rest and _is_cut_off(text.strip()):
        return None
    try:
        fields = json.loads(head + "}")
        nodes, made_at = fields["nodes"], fields["as_of_unix_ms"]
    except (KeyError, TypeError, ValueError):
        rest = []
    if not rest or not isinstance(nodes, list) or not isinstance(made_at, int):
        raise ValueError("it was not written by a mirror")
    validated_at = fields.get("validated_unix_ms") or made_at
    body = rest[0].rpartition("}")[0]
    return Saved(nodes, made_at, validated_at, fields.get("stale"), fields.get("validator"), body)


def _is_cut_off(text: str) -> bool:
    """Whether a text begins as one of a mirror does, or is full of zeros, as after a loss of power."""
    if not text.strip("\0") or _BEGIN.startswith(text):
        return True
    try:
        json.loads(text)
        return False
    except ValueError:
        return text.startswith(_BEGIN)


_BEGIN = '{"nodes":['

_BODY = re.compile(r',\s*"modules"\s*:')
"""The name of the last field, which no string can contain, because its quotes would be escaped there."""

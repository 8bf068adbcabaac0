"""Stores of your own: functions that return the documents of a catalog."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wasmtime.component import Record, Variant

from ccs_modules.catalog import Malformed, text, texts

_log = logging.getLogger("ccs_modules")

Content = str | bytes | list[str] | list[bytes]
"""The content of a store: the body of `GET /v1/modules`, or its documents in the order of the list."""


@dataclass(frozen=True)
class Versioned:
    """The content of a store that has versions."""

    content: Content
    """The content."""
    version: str
    """A text that changes when the content does."""


Store = Callable[[str | None], Content | Versioned | None]
"""A function that returns the content of a store, all of one moment.

Its argument is the version that the mirror knows. If the store still has it, the function may return
None. If the store has no answer, the function raises `StoreError`.
"""


class StoreError(Exception):
    """A store has no answer. Clients see the text: one line, without credentials."""


def read(store: Store, unless: str | None) -> Variant | str:
    """Asks a store. Returns the answer as the component takes it, or the reason for its absence."""
    try:
        return _stored(store(unless), unless)
    except (StoreError, Malformed) as error:
        return str(error)
    except Exception:
        _log.exception("the store failed")
        return "the store failed"


def _stored(found: Content | Versioned | None, unless: str | None) -> Variant:
    if found is None and unless is not None:
        return Variant("unchanged")
    made: Any = Record()
    made.version = None
    if isinstance(found, Versioned):
        made.version = found.version
        found = found.content
    if isinstance(found, list):
        made.documents = texts(found)
        return Variant("documents", made)
    made.body = text("the body", found)
    return Variant("body", made)

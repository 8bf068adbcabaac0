"""The records and the errors of the catalog."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from wasmtime.component import Record


@dataclass(frozen=True, slots=True)
class Module:
    """One module. A field is None if the document does not have it."""

    uid: str
    """The identity of the module in the catalog."""
    module_name: str | None
    """The name that the module registers with the server, such as `search`."""
    display_name: str | None
    """The name for people, such as `RediSearch 2`."""
    semantic_version: str | None
    """The version as people write it, such as `2.10.17`."""
    version: int | None
    """The version as one number: major * 10000 + minor * 100 + patch."""
    author: str | None
    """The author."""
    email: str | None
    """The address to write to about the module."""
    homepage: str | None
    """The home page."""
    description: str | None
    """One sentence about the module."""
    license: str | None
    """The license of the module."""
    capabilities: tuple[str, ...]
    """The names of the capabilities; empty if the document has none."""
    command_line_args: str | None
    """The arguments that the module is loaded with."""
    config_command: str | None
    """The command that configures the module at run time."""
    compatible_redis_version: str | None
    """The Redis version for which the module is made, such as `7.4`."""
    min_redis_version: str | None
    """The oldest Redis version that the module runs on."""
    is_bundled: bool | None
    """Whether the module came with the server."""
    document: str
    """The whole document as JSON in compact form."""


@dataclass(frozen=True)
class Response:
    """A whole HTTP response."""

    status: int
    headers: list[tuple[str, str]]
    body: str
    cause: str | None
    """The reason of a 5xx or a 403, for a log."""


class CatalogError(Exception):
    """The catalog has no answer. Further subclasses may be added."""

    @staticmethod
    def of(tag: str, text: str | None, uid: str | None = None) -> "CatalogError":
        """Makes the error of a case of the component, for the uid that was looked up."""
        match tag:
            case "forbidden":
                return Forbidden("none of the roles has the permission view_cluster_modules")
            case "not-found":
                return NotFound(f"there is no module with the uid {json.dumps(uid, ensure_ascii=False)}")
        kinds = {"unavailable": Unavailable, "malformed": Malformed}
        return kinds.get(tag, CatalogError)(text)


class Forbidden(CatalogError):
    """None of the roles has the permission to see modules."""


class NotFound(CatalogError):
    """The catalog has no module with this uid."""


class Unavailable(CatalogError):
    """The store is unavailable, or refuses this host."""


class Malformed(CatalogError):
    """A document breaks the rules. The text names the document, the field and the rule.

    The error of a snapshot that is refused has them one by one, too.
    """

    document: str | None = None
    """The uid of the document at fault; None if it has no valid uid, or for the whole catalog."""
    index: int | None = None
    """The index of the document at fault, counted from 0; None for the whole catalog."""
    field: str | None = None
    """The field at fault; None for the document as a whole."""
    line: int | None = None
    """The line in the body, counted from 1; None for a catalog given as documents."""
    column: int | None = None
    """The column in bytes of UTF-8, counted from 1; None for a catalog given as documents."""


def module(record: Record) -> Module:
    """Makes a module of the component's record."""
    fields = {name.replace("-", "_"): value for name, value in vars(record).items()}
    return Module(**{**fields, "capabilities": tuple(fields["capabilities"])})


def malformed(record: Any) -> Malformed:
    """Makes an error of the component's record."""
    error = Malformed(record.message)
    error.document, error.index, error.field = record.document, record.index, record.field
    if record.position is not None:
        error.line, error.column = record.position.line, record.position.column
    return error


def text(what: str, content: Any) -> str:
    """Returns a text that is given as a text or as bytes. Raises `Malformed` if it is not UTF-8."""
    if not isinstance(content, str | bytes):
        raise TypeError(f"{what}: expected str or bytes, and not {type(content).__name__}")
    try:
        return content if isinstance(content, str) else content.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"{what}: byte {error.start} is not UTF-8") from None


def texts(documents: Iterable[Any]) -> list[str]:
    """Returns documents as texts. Raises `Malformed` if one is not UTF-8."""
    return [text(f"document at index {at}", document) for at, document in enumerate(documents)]

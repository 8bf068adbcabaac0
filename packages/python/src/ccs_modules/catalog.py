"""The records and the errors of the catalog."""

from dataclasses import dataclass
from typing import Any

from wasmtime.component import Record, Variant


@dataclass(frozen=True, slots=True)
class Module:
    """One module. A field is None where the document does not have it."""

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
    """The licence of the module."""
    capabilities: list[str]
    """The names of the capabilities; empty where the document has none."""
    command_line_args: str | None
    """The arguments that the module is loaded with."""
    config_command: str | None
    """The command that configures the module at run time."""
    min_redis_version: str | None
    """The oldest Redis version that the module runs on."""
    is_bundled: bool | None
    """Whether the module came with the server."""
    document: str
    """The whole document as canonical JSON."""


@dataclass(frozen=True)
class Response:
    """A whole HTTP response."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class CatalogError(Exception):
    """The catalog has no answer. Further subclasses may be added."""


class Forbidden(CatalogError):
    """None of the roles has the permission to see modules."""


class NotFound(CatalogError):
    """The catalog has no module with this uid."""


class Unavailable(CatalogError):
    """The store is unavailable, or refuses this host."""


class Malformed(CatalogError):
    """A document breaks the rules. The text names the document, the field and the rule.

    A snapshot that is refused says them one by one, too.
    """

    document: str | None = None
    """The uid of the document at fault; None if it has no sound uid, or for the whole catalog."""
    index: int | None = None
    """The index of the document at fault, counted from 0, if it has no sound uid."""
    field: str | None = None
    """The field at fault; None for the document as a whole."""
    line: int | None = None
    """The line in the body, counted from 1; None for a catalog given as documents."""
    column: int | None = None
    """The column in bytes of UTF-8, counted from 1; None for a catalog given as documents."""


def ok(answer: Any) -> Any:
    """Returns the answer of a call. Raises the error that the component returned."""
    if not isinstance(answer, Variant):
        return answer
    raised = {
        "forbidden": Forbidden,
        "not-found": NotFound,
        "unavailable": Unavailable,
        "malformed": Malformed,
    }
    raise raised.get(answer.tag, CatalogError)(answer.payload or answer.tag)


def module(record: Record) -> Module:
    """Makes a module of the component's record."""
    return Module(**{name.replace("-", "_"): value for name, value in vars(record).items()})


def caller(roles: list[str] | None, anonymous: bool) -> Variant:
    """Returns the sender of a request as the components take it."""
    if roles is None:
        return Variant("unauthenticated")
    return Variant("anonymous" if anonymous else "authenticated", roles)


def malformed(record: Any) -> Malformed:
    """Makes an error of the component's record."""
    error = Malformed(record.message)
    error.document, error.index, error.field = record.document, record.index, record.field
    if record.position is not None:
        error.line, error.column = record.position.line, record.position.column
    return error

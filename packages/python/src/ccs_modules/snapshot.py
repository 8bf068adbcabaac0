"""Catalogs in memory: checked once, and asked many times."""

from collections.abc import Iterable
from typing import Any, Self

from wasmtime.component import Record

from ccs_modules._catalog import Catalog
from ccs_modules._component import Resource, ok
from ccs_modules.catalog import malformed, text, texts
from ccs_modules.lookup import Differences, differences


class Snapshot(Catalog):
    """A catalog of one moment, checked whole. It never changes: a new moment is a new snapshot.

    Made by `parse` or `from_documents`. Threads may share a snapshot.
    """

    _resource: Resource

    def __init__(self) -> None:
        raise TypeError("a snapshot is made by Snapshot.parse or Snapshot.from_documents")

    @classmethod
    def parse(cls, body: str | bytes) -> Self:
        """Checks a catalog that is given as a body of `GET /v1/modules`. Raises `Malformed`."""
        return cls._of(_checked("parse", text("the body", body)))

    @classmethod
    def from_documents(cls, documents: Iterable[str | bytes]) -> Self:
        """Checks a catalog that is given as its documents, in the order of the list. Raises `Malformed`."""
        return cls._of(_checked("from-documents", texts(documents)))

    @classmethod
    def _of(cls, resource: Resource) -> Self:
        snapshot = cls.__new__(cls)
        snapshot._resource = resource
        return snapshot

    def differences(self, newer: "Snapshot") -> Differences:
        """Compares this catalog, the older one, with a newer one. Raises `CatalogError`."""
        # A comparison that runs out of memory ends its own instance, and neither snapshot.
        older = _checked("parse", self.body)
        copy = older.instance.call("snapshot", "[static]snapshot.parse", newer.body)
        return differences(ok(older.call("differences", copy)))

    @property
    def body(self) -> str:
        """The body of the list: the documents in compact form, in one array, and one line end."""
        return str(self._call("body"))

    @property
    def entity_tag(self) -> str:
        """The entity tag of the list, with its quotes."""
        return str(self._call("entity-tag"))

    def __len__(self) -> int:
        """Returns the number of modules."""
        return int(self._call("len"))

    def __bool__(self) -> bool:
        """Returns true, also for a catalog without modules."""
        return True

    def _call(self, function: str, *arguments: object) -> Any:
        return self._resource.call(function, *arguments)


def _checked(constructor: str, catalog: str | list[str]) -> Resource:
    resource = Resource("snapshot", "snapshot", constructor, catalog)
    if isinstance(resource.made, Record):
        raise malformed(resource.made)
    return resource

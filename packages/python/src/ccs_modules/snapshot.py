"""Catalogs in memory: checked once, and asked many times."""

from collections.abc import Iterable
from typing import Any

from wasmtime.component import Record

from ccs_modules._component import Standalone, as_text, request
from ccs_modules._list import listed
from ccs_modules.catalog import Malformed, Module, Response, malformed, module, ok
from ccs_modules.lookup import Differences, Lookups, differences


class Snapshot(Lookups):
    """A catalog of one moment, checked whole. It never changes: a new moment is a new snapshot.

    Threads may share a snapshot.
    """

    def __init__(self, constructor: str, catalog: str | list[str]):
        """Makes a snapshot in an instance of its own. Call `parse` or `from_documents` instead."""
        self._component = Standalone()
        made = self._component.call("snapshot", f"[static]snapshot.{constructor}", catalog)
        if isinstance(made, Record):
            raise malformed(made)
        self._resource = made

    @classmethod
    def parse(cls, body: str | bytes) -> "Snapshot":
        """Checks a catalog that is given as a body of `GET /v1/modules`. Raises `Malformed`."""
        return cls("parse", _text("the body", body))

    @classmethod
    def from_documents(cls, documents: Iterable[str | bytes]) -> "Snapshot":
        """Checks a catalog that is given as its documents, in the order of the list. Raises `Malformed`."""
        texts = [_text(f"document at index {at}", text) for at, text in enumerate(documents)]
        return cls("from-documents", texts)

    def list_modules(self, roles: list[str]) -> list[Module]:
        """Returns every module, in the order of the list. Raises `CatalogError`."""
        return listed(self._method("handle", request("GET", "/v1/modules", [], roles, False)))

    def get_module(self, roles: list[str], uid: str) -> Module:
        """Returns the module with this uid. Raises `CatalogError`."""
        return module(ok(self._method("get-module", roles, uid)))

    def differences(self, newer: "Snapshot") -> Differences:
        """Compares this catalog, the older one, with a newer one. Raises `CatalogError`."""
        # The instance of this snapshot cannot see the one of the other.
        copy = self._component.call("snapshot", "[static]snapshot.parse", newer.body)
        try:
            return differences(ok(self._method("differences", copy)))
        finally:
            self._component.drop(copy)

    def handle(
        self,
        method: str,
        target: str,
        headers: list[tuple[str, bytes]],
        roles: list[str] | None,
        *,
        anonymous: bool = False,
    ) -> Response:
        """Answers an HTTP request; `roles` is None for a caller who is not authenticated.

        `anonymous` says that every request has these roles, so that shared caches may keep the
        responses. Every failure is a response.
        """
        made = request(method, target, as_text(headers), roles, anonymous)
        response = self._method("handle", made)
        return Response(response.status, response.headers, response.body.encode())

    @property
    def body(self) -> str:
        """The body of the list: the canonical documents in one array, and one line end."""
        return str(self._method("body"))

    @property
    def entity_tag(self) -> str:
        """The entity tag of the list, with its quotes."""
        return str(self._method("entity-tag"))

    def __len__(self) -> int:
        """Returns the number of modules."""
        return int(self._method("len"))

    def _look_up(self, function: str, *arguments: object) -> Any:
        return self._method(function, *arguments)

    def _method(self, name: str, *arguments: object) -> Any:
        return self._component.call("snapshot", f"[method]snapshot.{name}", self._resource, *arguments)


def _text(what: str, text: str | bytes) -> str:
    try:
        return text if isinstance(text, str) else text.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"{what}: byte {error.start} is not UTF-8") from None

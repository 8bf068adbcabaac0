"""Catalogs in memory: checked once, and asked many times."""

from collections.abc import Iterable
from typing import Any

from wasmtime.component import Record

from ccs_modules._component import Standalone, request
from ccs_modules._list import listed
from ccs_modules.catalog import Malformed, Module, Response, malformed, module, ok
from ccs_modules.lookup import Differences, Fitting, differences, fitting


class Snapshot:
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

    def find_modules(
        self, roles: list[str], name: str, version: str | None = None
    ) -> list[Module]:
        """Returns the modules of a name, newest first. Case does not matter. Raises `CatalogError`.

        The version is the semantic version, its beginning, or the version as one number: `2.10.17`,
        `2.10`, `21017`.
        """
        found = ok(self._method("find-modules", roles, name, version))
        return [module(record) for record in found]

    def latest_modules(self, roles: list[str]) -> list[Module]:
        """Returns the newest module of each name. Raises `CatalogError`."""
        return [module(record) for record in ok(self._method("latest-modules", roles))]

    def fitting_modules(self, roles: list[str], redis_version: str) -> list[Fitting]:
        """Returns, for each name, the module that a database of this Redis version gets.

        The version is one such as `7.4`. Raises `CatalogError`.
        """
        fitting_records = ok(self._method("fitting-modules", roles, redis_version))
        return [fitting(record) for record in fitting_records]

    def differences(self, newer: "Snapshot") -> Differences:
        """Compares this catalog, the older one, with a newer one. Raises `CatalogError`."""
        # The instance of this snapshot cannot see the one of the other.
        copy = self._component.call("snapshot", "[static]snapshot.parse", newer.body)
        return differences(ok(self._method("differences", copy)))

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
        response = self._method("handle", request(method, target, headers, roles, anonymous))
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

    def _method(self, name: str, *arguments: object) -> Any:
        return self._component.call("snapshot", f"[method]snapshot.{name}", self._resource, *arguments)


def _text(what: str, text: str | bytes) -> str:
    try:
        return text if isinstance(text, str) else text.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"{what}: byte {error.start} is not UTF-8") from None

"""Catalogs: what a snapshot and a mirror have in common."""

from typing import Any

from wasmtime.component import Record, Variant

from ccs_modules._component import ok
from ccs_modules._list import modules_in
from ccs_modules.catalog import Module, Response, module
from ccs_modules.lookup import Fitting, fitting


class Catalog:
    """A catalog in memory."""

    def list_modules(self, roles: list[str]) -> list[Module]:
        """Returns every module, in the order of the list. Raises `CatalogError`."""
        response = self._handle("GET", "/v1/modules", [], Variant("authenticated", roles))
        if response.status == 200:
            return modules_in(response.body)
        # This call has the error.
        return [module(record) for record in ok(self._call("list-modules", roles))]

    def get_module(self, roles: list[str], uid: str) -> Module:
        """Returns the module with this uid. Raises `CatalogError`."""
        return module(ok(self._call("get-module", roles, uid), uid))

    def find_modules(self, roles: list[str], name: str, version: str | None = None) -> list[Module]:
        """Returns the modules of a name, newest first. Case does not matter. Raises `CatalogError`.

        The version is the semantic version, its beginning, or the version as one number: `2.10.17`,
        `2.10`, `21017`.
        """
        found = ok(self._call("find-modules", roles, name, version))
        return [module(record) for record in found]

    def latest_modules(self, roles: list[str]) -> list[Module]:
        """Returns the newest module of each name. Raises `CatalogError`."""
        return [module(record) for record in ok(self._call("latest-modules", roles))]

    def fitting_modules(self, roles: list[str], redis_version: str) -> list[Fitting]:
        """Returns, for each name, the module that a database of this Redis version gets.

        The version is one such as `7.4`. Raises `CatalogError`.
        """
        records = ok(self._call("fitting-modules", roles, redis_version))
        return [fitting(record) for record in records]

    def handle(
        self,
        method: str,
        target: str,
        headers: list[tuple[str, str]],
        roles: list[str] | None,
        *,
        anonymous: bool = False,
        challenge: str | None = None,
    ) -> Response:
        """Answers an HTTP request. `roles` is None for a caller who is not authenticated.

        With `anonymous` every request has these roles, so that shared caches may keep the responses.
        `challenge` is the one for a caller who is not authenticated, instead of
        `Bearer realm="ccs-modules"`. Every failure of the catalog is a response.
        """
        if roles is None:
            caller = Variant("unauthenticated", challenge)
        else:
            caller = Variant("anonymous" if anonymous else "authenticated", roles)
        found = self._handle(method, target, headers, caller)
        return Response(found.status, found.headers, found.body, found.cause)

    def _handle(
        self, method: str, target: str, headers: list[tuple[str, str]], caller: Variant
    ) -> Any:
        request: Any = Record()
        request.method, request.target, request.headers = method, target, headers
        request.caller = caller
        return self._call("handle", request)

    def _call(self, function: str, *arguments: object) -> Any:
        """Calls a function of the component."""
        raise NotImplementedError

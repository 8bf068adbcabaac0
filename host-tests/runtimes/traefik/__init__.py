"""Traefik with the http-wasm plugin: the case list, wrong configurations, the shipped ones, and
reloads under load."""

import re
from collections.abc import Iterator

from harness import http
from harness.artifacts import artifact
from harness.cases import Case, groups
from harness.runtime import Runtime
from traefik import configurations, reloads, shipped
from traefik.proxy import PLUGIN, Next, Route, program, traefik


class Traefik(Runtime):
    """The case list with each case's documents in the plugin's configuration."""

    name = "traefik"

    def install(self) -> None:
        program()

    def prepare(self) -> None:
        program()
        artifact(PLUGIN)

    def reason_to_skip(self, case: Case) -> str | None:
        if reason := super().reason_to_skip(case):
            return reason
        if b'"malformed_document"' in case.expect.body:
            return "a malformed document, which is refused with the configuration"
        if case.request.target == b"*" or re.search(rb"%(?![0-9A-Fa-f]{2})", case.request.target.split(b"?")[0]):
            return "Traefik itself answers it: no path, or one with a broken escape"
        return None

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        # One Traefik for all cases, with one entry point for each configuration of the plugin.
        alike = list(groups(cases))
        routes = [Route(configuration(store.snapshot(), access)) for store, access, _ in alike]
        with Next() as following, traefik(routes, following.port) as proxy:
            for route, (_, _, group) in zip(routes, alike):
                for case in group:
                    # Twice, to find effects of one request on the next.
                    found = [asked(route.address, case) for _ in range(2)]
                    yield case, found[0] if found[0] == found[1] else found
            if trouble := proxy.errors():
                raise RuntimeError("\n".join(trouble))


class Operated(Traefik):
    """The actions of an operator: wrong configurations, a file that is replaced, reloads under load."""

    name = "traefik-operated"

    def reason_to_skip(self, case: Case) -> str | None:
        return "a case of the list, which the runtime `traefik` runs"

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        yield from configurations.outcomes()
        yield from shipped.outcomes()
        yield from reloads.outcomes()


def configuration(catalog: bytes, access: str | None) -> dict[str, str]:
    return {"documents": catalog.decode(), **({"access": access} if access else {})}


def asked(address: tuple[str, int], case: Case) -> object:
    try:
        response = http.ask(address, case.sent)
    except (OSError, ValueError, IndexError) as error:
        return error
    # On a path that the core does not know, the plugin passes the request on.
    handed_on = response.body == Next.BODY
    return case.expect if handed_on and b'"not_found"' in case.expect.body else response


RUNTIMES = [Traefik(), Operated()]

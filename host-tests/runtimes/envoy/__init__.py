"""Envoy with the Proxy-Wasm filter: the case list with the CCS as an upstream or in the
configuration, and faults of every kind."""

import json
from collections.abc import Iterator

from envoy.faults import Faults
from envoy.proxy import FILTER, UPSTREAM, cluster, envoy, listener, program, static
from harness.upstream import Upstream
from harness import http
from harness.artifacts import artifact
from harness.cases import Case, groups
from harness.process import ReservedPort
from harness.runtime import Runtime



class Envoy(Runtime):
    """The case list with an upstream that serves each case's store."""

    name = "envoy"

    def install(self) -> None:
        program()

    def prepare(self) -> None:
        program()
        artifact(FILTER)

    def reason_to_skip(self, case: Case) -> str | None:
        if not case.over_http:
            return "a typed call, and this runtime serves HTTP"
        if case.store.stalls or case.store.error and case.expect.status >= 500:
            return "the store's failure in the store's own words, which an upstream cannot hand on"
        if not case.request.target.isascii():
            return "the target has bytes that Envoy does not let in"
        return case.sent.reason_unsendable()

    def ccs(self, case: Case) -> str:
        """The field `ccs` of the filter's configuration."""
        return json.dumps({"upstream": UPSTREAM})

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        # One Envoy for all cases, with one listener for each configuration of the filter.
        ports, listeners = {}, []
        for case in cases:
            plugin = self.plugin(case)
            if plugin not in ports:
                ports[plugin] = ReservedPort()
                listeners.append(listener(ports[plugin], plugin))
        with Upstream().running() as upstream:
            config = static(listeners, [cluster("ccs", upstream.port)])
            with envoy(config, list(ports.values())) as proxy:
                for store, _, alike in groups(cases):
                    upstream.store = store
                    for case in alike:
                        address = "127.0.0.1", ports[self.plugin(case)]
                        # Twice, to find effects of one request on the next.
                        found = [asked(address, case) for _ in range(2)]
                        yield case, found[0] if found[0] == found[1] else found
                if trouble := proxy.trouble():
                    raise RuntimeError("\n".join(trouble))

    def plugin(self, case: Case) -> str:
        access = f', "access": {case.access}' if case.access else ""
        return f'{{"ccs": {self.ccs(case)}{access}}}'


class Inline(Envoy):
    """The case list with each case's documents in the filter's configuration."""

    name = "envoy-inline"

    def reason_to_skip(self, case: Case) -> str | None:
        if reason := super().reason_to_skip(case) or Runtime.reason_to_skip(self, case):
            return reason
        if b'"malformed_document"' in case.expect.body:
            return "a malformed document, which is refused with the configuration"
        return None

    def ccs(self, case: Case) -> str:
        return f'{{"documents": {case.store.snapshot().decode()}}}'


def asked(address: tuple[str, int], case: Case) -> object:
    try:
        response = http.ask(address, case.sent)
    except (OSError, ValueError, IndexError) as error:
        return error
    # On a path that the core does not know, the filter passes the request on.
    passed_on = ("content-type", b"application/json") not in response.headers
    return case.expect if passed_on and b'"not_found"' in case.expect.body else response


RUNTIMES = [Envoy(), Inline(), Faults()]

"""The store in a cluster's REST API, over outgoing `wasi:http`: on `wasmtime serve`, on Node by
`jco serve`, and on wasmCloud's runtime library.

None of them needs any code on the host.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import wasmcloud
from harness import http, mirror
from harness.artifacts import artifact
from harness.cases import ANYBODY, Case, Response, Store, extra, failure, get
from harness.process import HOST
from harness.runtime import Runtime
from harness.upstream import Upstream
from harness.wasmtime import served, wasmtime
from js import JcoServe

OLD, NEW = mirror.OLD, mirror.NEW
TIMEOUT_MS = "1000"
FAULTS = {
    "slow": (503, "no response in "),
    "drip": (503, "no response in "),
    "status500": (503, "answered 500"),
    "status401": (503, "answered 401"),
    "reset": (503, "the connection broke off|the request failed"),
    "cut": (503, "the connection broke off|the request failed"),
    "garbage": (503, "not HTTP|broke off|the request failed"),
    "html": (503, "the list is refused: line 1, column 1"),
    "open": (503, "the list is refused"),
    "empty": (503, "the list is refused"),
    "scalar": (503, "the list is refused"),
    "gateway": (503, "answered 404"),
    "malformed": (500, r'document \\"b\\": field version: '),
    "large": (500, "a body of more than 8388608 bytes"),
    "redirecting": (503, "a redirect to https://elsewhere.example, which is no configured node"),
}
"""The faults of the upstream, each with the status of the response and the reason in it."""


class OverHttp(Runtime):
    """The part that all runtimes share."""

    component = "ccs_modules_wasi_http_upstream.wasm"
    faults = FAULTS
    reuses_instances = True
    """Whether an instance serves a second request. Otherwise it keeps no mirror."""

    @contextmanager
    def serve(self, store: Store, access: str | None) -> Iterator[tuple[str, int]]:
        with Upstream().running() as upstream:
            upstream.store = store
            with self.over(upstream, access=access, CCS_HTTP_TIMEOUT_MS="30000") as address:
                yield address

    def over(self, *upstreams: Upstream, access: str | None = ANYBODY, **environment: str):
        """Serves from these nodes. An empty setting is left out."""
        environment = {
            "CCS_ACCESS": access,
            "CCS_HTTP_URL": ",".join(f"http://{HOST}:{upstream.port}" for upstream in upstreams),
            "CCS_HTTP_USER": mirror.USER,
            "CCS_HTTP_PASSWORD": mirror.PASSWORD,
            "CCS_HTTP_TIMEOUT_MS": TIMEOUT_MS,
            **environment,
        }
        return self.served({name: value for name, value in environment.items() if value})

    def served(self, environment: dict[str, str]):
        """Serves the component in this environment."""
        raise NotImplementedError

    def outcomes(self, case_list: list[Case]) -> Iterator[tuple[Case, object]]:
        yield from super().outcomes(case_list)
        yield from self.failing()
        yield from self.several()
        if self.reuses_instances:
            yield from self.mirrored()
        yield from self.misconfigured()

    def failing(self) -> Iterator[tuple[Case, object]]:
        """One service, and an upstream that fails in every way and recovers."""
        with Upstream().running() as upstream:
            upstream.store = Store(body=OLD)
            with self.over(upstream) as address:
                for fault, (status, reason) in self.faults.items():
                    upstream.fault = fault
                    found = mirror.said(_ask(address), status, None, reason)
                    yield mirror.case(f"http-{fault}", f"the upstream is {fault}, and that is told"), found
                upstream.fault = "gateway"
                about = "a module that a gateway does not know is not one that does not exist"
                found = mirror.said(http.ask(address, get("/v1/modules/a")), 503, None, "a 404 without an error of the API")
                yield mirror.case("http-gateway-module", about), found
                upstream.fault = None
                about = "the upstream is back, and the next request succeeds"
                yield extra("http-back", about, (200, OLD)), _status_and_body(_ask(address))
                sent = upstream.requests[-1]
                about = "the credentials are sent, and the client's own header fields are not"
                is_right = mirror.SECRETS[1] in sent and b"x-client" not in sent
                yield mirror.case("http-credentials", about), is_right or sent
                upstream.stop()
                found = mirror.said(_ask(address), 503, None, "connection refused|cannot be reached|failed")
                yield mirror.case("http-down", "an upstream that is down is told"), found

    def several(self) -> Iterator[tuple[Case, object]]:
        """Several nodes: clients do not notice one that is down, hangs or redirects."""
        with Upstream().running() as hung, Upstream().running() as down, Upstream().running() as node:
            hung.fault, node.store = "hung", Store(body=OLD)
            down.stop()
            with self.over(down, hung, node) as address:
                about = "a node that is down and one that hangs leave time for the third"
                yield extra("http-nodes", about, (200, OLD)), _status_and_body(_ask(address))

    def mirrored(self) -> Iterator[tuple[Case, object]]:
        """An instance that is reused keeps a mirror."""
        with Upstream().running() as upstream:
            upstream.store = Store(body=OLD)
            with self.over(upstream, CCS_HTTP_REFRESH_MS="500") as address:
                found = [_status_and_body(_ask(address)) for _ in range(20)]
                yield extra("http-mirrored", "a mirror answers", [(200, OLD)] * 20), found
                about = "a mirror asks less often than it is asked"
                asked = len(upstream.asked)
                yield mirror.case("http-mirrored-asks", about), asked < 15 or f"{asked} of 20"
                for fault in ("status500", "html", "slow"):
                    upstream.fault = fault
                    time.sleep(0.6)
                    about = f"a mirror keeps the list while the upstream is {fault}"
                    found = _status_and_body(_ask(address))
                    yield extra(f"http-mirrored-{fault}", about, (200, OLD)), found
                upstream.fault = "hung"
                about = "a mirror answers while a fetch is open"
                yield mirror.case("http-mirrored-open", about), _all_soon(address) or "an answer took long"
                upstream.fault, upstream.store = None, Store(body=NEW)
                yield mirror.case("http-mirrored-back", "a mirror has the new list"), _until(address, NEW)
                upstream.stop()
                time.sleep(0.6)
                about = "a mirror keeps the list while the upstream is down"
                yield extra("http-mirrored-down", about, (200, NEW)), _status_and_body(_ask(address))
        yield from self.first_in_time()

    def first_in_time(self) -> Iterator[tuple[Case, object]]:
        """A mirror without a list observes the time limit of a call, over all nodes."""
        with Upstream().running() as one, Upstream().running() as two:
            one.fault = two.fault = "hung"
            with self.over(one, two, CCS_HTTP_REFRESH_MS="500", CCS_HTTP_TIMEOUT_MS="3000") as address:
                begun = time.monotonic()
                found = mirror.said(_ask(address), 503, None, "no response in ")
                took = time.monotonic() - begun
                about = "the first call of a mirror ends in time"
                yield mirror.case("http-mirrored-time", about), found if took < 3.5 else f"{took:.1f} s"

    def misconfigured(self) -> Iterator[tuple[Case, object]]:
        for name, environment, description in [
            (
                "unset",
                {"CCS_HTTP_URL": ""},
                "CCS_HTTP_URL is not set: set it to the nodes of a cluster, comma separated, such as "
                "https://node1:9443",
            ),
            (
                "credentials",
                {"CCS_HTTP_URL": "https://ann:secret@node1"},
                "CCS_HTTP_URL, URL 1: a URL with credentials in it",
            ),
            ("timeout", {"CCS_HTTP_TIMEOUT_MS": "2s"}, "CCS_HTTP_TIMEOUT_MS: expected milliseconds, at least 1"),
        ]:
            with Upstream().running() as upstream, self.over(upstream, **environment) as address:
                expect = failure(500, "store_failed", f"the store failed: {description}")
                about = "a setting that is missing or wrong is named"
                yield extra(f"http-config-{name}", about, expect), _status_and_body(_ask(address))


class WasmtimeHttp(OverHttp):
    def __init__(self, wasi: str, component: str):
        self.name = f"wasmtime-{wasi}-upstream"
        self.component = component

    def install(self) -> None:
        wasmtime()

    def served(self, environment: dict[str, str]):
        reused = ("--max-instance-reuse-count", "1000") if "CCS_HTTP_REFRESH_MS" in environment else ()
        return served(artifact(self.component), *reused, environment=environment)


class NodeHttp(JcoServe, OverHttp):
    name = "node-upstream"
    reuses_instances = False
    # jco 1.35.0 closes the client's connection if the upstream's ends inside a body.
    faults = {name: fault for name, fault in FAULTS.items() if name not in ("reset", "cut")}

    def served(self, environment: dict[str, str]):
        return self.jco_serve(environment)


class WasmCloudHttp(OverHttp):
    name = "wasmcloud-upstream"
    reuses_instances = False

    def install(self) -> None:
        wasmcloud.host()

    def served(self, environment: dict[str, str]):
        return wasmcloud.served(artifact(self.component), environment)


def _ask(address: tuple[str, int]) -> Response:
    request = get("/v1/modules")
    sent = type(request)(request.method, request.target, (("x-client", b"1"),))
    return http.ask(address, sent, seconds=60)


def _all_soon(address: tuple[str, int]) -> bool:
    """Sends requests for three seconds. Returns whether each answer comes soon, and most of them at once."""
    times = []
    end = time.monotonic() + 3
    while time.monotonic() < end:
        begun = time.monotonic()
        if _ask(address).body != OLD:
            return False
        times.append(time.monotonic() - begun)
        time.sleep(0.02)
    return max(times) < 0.9 and sorted(times)[len(times) * 3 // 4] < 0.1


def _until(address: tuple[str, int], body: bytes, seconds: float = 30) -> object:
    """Sends requests until the body comes. Returns true, or the last answer."""
    end = time.monotonic() + seconds
    while (response := _ask(address)).body != body:
        if time.monotonic() > end or response.status != 200:
            return response
        time.sleep(0.02)
    return True


def _status_and_body(response: Response) -> tuple[int, bytes]:
    return response.status, response.body


RUNTIMES = [
    WasmtimeHttp("0.2", "ccs_modules_wasi_http_upstream.wasm"),
    WasmtimeHttp("0.3", "ccs_modules_wasi_http_p3_upstream.wasm"),
    NodeHttp(),
    WasmCloudHttp(),
]

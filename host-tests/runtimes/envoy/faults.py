"""Misbehaving upstreams, clients and operators: the filter never traps, and no request hangs."""

import json
import os
import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from envoy import callers, jwt, mirrored, shipped
from envoy.proxy import UPSTREAM, Envoy, cluster, envoy, listener, program, static, validate
from harness.upstream import Upstream
from harness import http
from harness.cases import Case, Request, Response, Store
from harness.process import HOST, ReservedPort, connected
from harness.runtime import Runtime

HELD = "holds"
ANONYMOUS = {"anonymous": ["db_viewer"]}

ANSWERS = {
    "status204": 503,
    "status301": 503,
    "status401": 503,
    "status404": 503,
    "status500": 503,
    "silent": 503,
    "garbage": 503,
    "reset": 503,
    "cut": 503,
    "slow": 503,
    "drip": 503,
    "gateway": 503,
    "empty": 503,
    "html": 503,
    "scalar": 503,
    "open": 503,
    "deep": 503,
    "malformed": 500,
    "large": 500,
    "larger": 503,
    "early": 200,
}
"""The status of the list, by the behaviour of the upstream."""

ENDLESS = {"slow", "drip"}
"""The behaviours that end only with the timeout."""

REFUSED = {
    '{': "line 1, column 1: unexpected end",
    '{"ccs":{"documents":[]},"acces":{}}': "acces",
    '{"ccs":{}}': "ccs",
    '{"ccs":{"upstream":{"cluster":"c","url":"http://a","list":"/l","timeout_ms":0}}}':
        "ccs.upstream.timeout_ms",
    '{"ccs":{"documents":[{"uid":"a","version":"1"}]}}': "ccs.documents",
    '{"ccs":{"documents":[]},"access":{"anonymous":"all"}}': "access",
}
"""Configurations that the filter refuses, and the beginning of the reason in the log."""


@dataclass(frozen=True)
class Check:
    """One check. It counts like a case."""

    name: str
    about: str
    run: Callable[["Bench"], None]
    expect: object = HELD


class Faults(Runtime):
    name = "envoy-faults"

    def install(self) -> None:
        program()
        shipped.install()
        mirrored.install()

    def prepare(self) -> None:
        program()

    def reason_to_skip(self, case: Case) -> str | None:
        return "a case, and this runs what no case can say"

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Check, object]]:
        with Bench() as bench:
            for check in checks():
                yield check, attempt(check, bench)
        yield from ((check, attempt(check, None)) for check in checks_alone())


def attempt(check: Check, bench: "Bench | None") -> object:
    try:
        check.run(bench)
    except Exception as error:
        return error
    return HELD


class Bench(ExitStack):
    """One Envoy and one upstream, with a listener for each behaviour of the upstream."""

    def __enter__(self) -> "Bench":
        super().__enter__()
        self.upstream = self.enter_context(Upstream().running())
        self.ports = {}
        listeners = [self._listener(name, list=f"/{name}", timeout_ms=500 if name in ENDLESS else 30_000)
                     for name in ANSWERS]
        listeners += [
            self._listener("store"),
            self._listener("held", list="/held_back", timeout_ms=30_000),
            self._listener("tight", list="/held_back", cluster="tight"),
            self._listener("flaky", list="/flaky", headers={"x-envoy-retry-on": "5xx"}),
            self._listener("down", cluster="down"),
            self._listener("bare", cluster="bare"),
            self._listener("unknown", cluster="unknown"),
        ]
        self.ports["inline"] = ReservedPort()
        inline = {"ccs": {"documents": [{"uid": "a"}]}, "access": ANONYMOUS}
        listeners.append(listener(self.ports["inline"], inline))
        self.down = ReservedPort()
        one = {"max_connections": 1, "max_pending_requests": 1, "max_requests": 1}
        many = {name: 4096 for name in one}
        clusters = [
            cluster("ccs", self.upstream.port, circuit_breakers={"thresholds": [many]}),
            cluster("tight", self.upstream.port, circuit_breakers={"thresholds": [one]}),
            cluster("down", self.down),
            cluster("bare", None),
        ]
        config = static(listeners, clusters)
        self.envoy: Envoy = self.enter_context(envoy(config, list(self.ports.values())))
        return self

    def ask(self, name: str, target: str = "/v1/modules", method: str = "GET", **options) -> Response:
        request = Request(method, target.encode(), ())
        return http.ask((HOST, self.ports[name]), request, **options)

    def _listener(self, name: str, **upstream) -> dict:
        self.ports[name] = ReservedPort()
        ccs = {"upstream": {**UPSTREAM, **upstream}}
        return listener(self.ports[name], {"ccs": ccs, "access": ANONYMOUS})


def checks() -> Iterator[Check]:
    for name, status in ANSWERS.items():
        about = f"an upstream that behaves like `{name}` is answered for with {status}"
        yield Check(f"upstream-{name}", about, lambda bench, name=name, status=status: answered(
            bench, name, status))
    for name in ("down", "bare", "unknown"):
        about = f"a cluster that is {name} is answered for with 503"
        yield Check(f"cluster-{name}", about, lambda bench, name=name: answered(bench, name, 503))
    yield Check("pass-through", "what is not the API's goes on to the next filter", passes_on)
    yield Check("grpc", "a request that Envoy takes for gRPC never gets the catalog", refuses_grpc)
    yield Check("gateway-module", "a gateway's 404 is not that of a module that does not exist", is_no_module)
    yield Check("no-way-up", "no uid leads to another path of the upstream", stays_in_its_path)
    yield Check("retries", "Envoy tries again where the configured headers say so", retries)
    yield Check("circuit-breaker", "what Envoy's circuit breaker refuses is answered", is_broken)
    yield Check("client-gone", "a client that disconnects leaves nothing behind", client_goes)
    yield Check("in-flight", "1,000 requests in flight are all answered", are_in_flight)
    yield Check("stats", "the filter's counters are on Envoy's pages", is_counted)
    yield Check("trace", "the trace of a request goes to the upstream", is_traced)
    yield Check("counters", "after all of this Envoy counts no failure of the filter", counts_nothing)


def checks_alone() -> Iterator[Check]:
    for plugin, field in REFUSED.items():
        about = f"a configuration is refused and the log names {field}: {plugin}"
        yield Check(f"refused-{field}", about, lambda _, plugin=plugin, field=field: is_refused(
            plugin, field))
    yield Check("struct", "a Struct as the configuration is refused by its name", lambda _: is_no_struct())
    yield Check("reload", "the configuration is replaced under load", is_replaced)
    yield Check("shipped-rest", "envoy/rest.yaml does what it says", lambda _: shipped.rest())
    yield Check("shipped-administered", "envoy/rest.yaml lets a cluster be administered where its lines "
                "are changed so", lambda _: shipped.administered())
    for fault in ("hung", "redirecting", "dead"):
        yield Check(f"shipped-node-{fault}", f"with envoy/rest.yaml no client sees a node that is {fault}",
                    lambda _, fault=fault: shipped.node_is(fault))
    for name, about, run in mirrored.checks():
        yield Check(f"mirrored-{name}", about, run)
    yield Check("shipped-readme", "the README's configuration does what it says", lambda _: shipped.readme())
    yield Check("shipped-decoded", "no spelling of a path reaches a server that decodes it", lambda _: shipped.decoded())
    yield Check("shipped-istio", "the manifests for Istio have a configuration that loads", lambda _: shipped.istio())
    yield Check("shipped-redis", "envoy/redis.yaml does what it says", lambda _: shipped.redis())
    yield Check("callers", "the cluster is asked who is calling, and nobody can lock a user", lambda _: callers.users())
    yield Check("shipped-jwt", "envoy/jwt.yaml lets groups of an identity provider in", lambda _: jwt.tokens())
    yield Check("shipped-client-certificate", "envoy/jwt.yaml presents a client certificate where its lines are "
                "uncommented", lambda _: jwt.client_certificate())


def answered(bench: Bench, name: str, status: int) -> None:
    for method in ("GET", "HEAD"):
        response = bench.ask(name, method=method)
        assert response.status == status, response
        if status != 200:
            assert ("content-type", b"application/json") in response.headers, response
            assert method == "HEAD" or json.loads(response.body)["error_code"], response


def passes_on(bench: Bench) -> None:
    for method in ("GET", "POST", "DELETE"):
        for target in ("/", "/v1", "/v1/modules/1/2", "/v1/bdbs", "/v1/modulesx", "/other?/v1/modules"):
            response = bench.ask("store", target, method)
            assert (response.status, response.body) == (200, b"next"), (target, response)


def refuses_grpc(bench: Bench) -> None:
    for content_type in (b"application/grpc", b"application/grpc+json"):
        request = Request("GET", b"/v1/modules", (("content-type", content_type),))
        response = http.ask((HOST, bench.ports["inline"]), request)
        headers = dict(response.headers)
        assert "grpc-status" in headers and headers["grpc-status"] != b"0", response
        assert b"uid" not in headers["grpc-message"] and not response.body, response


def is_no_module(bench: Bench) -> None:
    for fault, status in ((None, 404), ("gateway", 503)):
        bench.upstream.fault = fault
        response = bench.ask("store", "/v1/modules/none")
        bench.upstream.fault = None
        assert response.status == status, response


def stays_in_its_path(bench: Bench) -> None:
    uids = ("..", "a/../b", "a/b", "?")
    bench.upstream.store = Store(documents=tuple(b'{"uid":"%s"}' % uid.encode() for uid in uids))
    for uid in ("..", "%2e%2E", "a%2F..%2Fb", "a%2fb", "%3F"):
        bench.upstream.asked.clear()
        response = bench.ask("store", f"/v1/modules/{uid}")
        assert response.status == 200, (uid, response)
        (path,) = bench.upstream.asked
        assert path in (b"/v1/modules", b"/v1/modules/a%2Fb", b"/v1/modules/%3F"), (uid, path)


def retries(bench: Bench) -> None:
    bench.upstream.failures = 1
    assert bench.ask("flaky").status == 200


def is_broken(bench: Bench) -> None:
    bench.upstream.hold()
    with ThreadPoolExecutor(10) as pool:
        futures = [pool.submit(bench.ask, "tight") for _ in range(10)]
        until(lambda: sum(future.done() for future in futures) >= 6)
        bench.upstream.release()
        statuses = sorted(future.result(10).status for future in futures)
    assert statuses[0] == 200 and statuses[-1] == 503, statuses
    assert set(statuses) == {200, 503}, statuses


def client_goes(bench: Bench) -> None:
    bench.upstream.hold()
    clients = [open_request(bench.ports["held"]) for _ in range(100)]
    until(lambda: bench.upstream.held >= 100)
    for client in clients:
        client.close()
    until(lambda: active(bench) == 0)
    bench.upstream.release()
    until(lambda: bench.upstream.held == 0)
    assert bench.ask("held").status == 200


def are_in_flight(bench: Bench) -> None:
    bench.upstream.hold()
    clients = [open_request(bench.ports["held"]) for _ in range(1000)]
    until(lambda: bench.upstream.held >= 1000)
    bench.upstream.release()
    for client in clients:
        with client, client.makefile("rb") as stream:
            assert stream.readline() == b"HTTP/1.1 200 OK\r\n"


def is_counted(bench: Bench) -> None:
    # An earlier request is counted when its stream ends, which can be after its response.
    until(lambda: active(bench) == 0)
    until(lambda: are_settled(bench))
    bench.upstream.store = Store(documents=(b'{"uid":"a"}',))
    for target, listener, counted in [
        ("/v1/modules", "store", {"requests.2xx": 1, "answers.upstream": 1}),
        ("/v1/modules/none", "store", {"requests.4xx": 1, "answers.upstream": 1}),
        ("/v1/modules/%zz", "store", {"requests.4xx": 1}),
        ("/other", "store", {}),
        ("/v1/modules", "inline", {"requests.2xx": 1, "answers.configuration": 1}),
        ("/v1/modules", "status401", {"requests.5xx": 1, "upstream_failures.denied": 1}),
        ("/v1/modules", "status301", {"requests.5xx": 1, "upstream_failures.status": 1}),
        ("/v1/modules", "html", {"requests.5xx": 1, "upstream_failures.malformed": 1}),
        ("/v1/modules", "malformed", {"requests.5xx": 1, "upstream_failures.malformed": 1}),
        ("/v1/modules", "large", {"requests.5xx": 1, "upstream_failures.too_large": 1}),
        ("/v1/modules", "slow", {"requests.5xx": 1, "upstream_failures.timeout": 1}),
        ("/v1/modules", "down", {"requests.5xx": 1, "upstream_failures.unavailable": 1}),
        ("/v1/modules", "unknown", {"requests.5xx": 1, "upstream_failures.unavailable": 1}),
    ]:
        before = counters(bench)
        bench.ask(listener, target)
        # The filter's counts reach the page with its next tick.
        expected = {name: value + counted.get(name, 0) for name, value in before.items()}
        until(lambda expected=expected: counters(bench) == expected)
    page = bench.envoy.page("/stats/prometheus")
    for name, value in counters(bench).items():
        line = rf"^ccs_modules_{name.replace('.', '_')}{{.*}} {value}$"
        assert re.search(line, page, re.MULTILINE), (name, value)


def are_settled(bench: Bench) -> bool:
    """Whether no counter changes for two of the filter's ticks."""
    before = counters(bench)
    time.sleep(2)
    return counters(bench) == before


def counters(bench: Bench) -> dict[str, int]:
    prefix = "wasmcustom.ccs_modules."
    return {name.removeprefix(prefix): value for name, value in bench.envoy.stats(prefix).items()}


def is_traced(bench: Bench) -> None:
    trace = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = (("traceparent", trace), ("cookie", b"secret"), ("authorization", b"Basic c2VjcmV0"))
    bench.upstream.requests.clear()
    request = Request("GET", b"/v1/modules", headers)
    assert http.ask((HOST, bench.ports["store"]), request).status == 200
    (sent,) = bench.upstream.requests
    assert b"traceparent: " + trace + b"\r\n" in sent, sent
    # Envoy gives each request its own id.
    assert re.search(rb"x-request-id: [0-9a-f-]{36}\r\n", sent), sent
    assert b"secret" not in sent and b"c2VjcmV0" not in sent, sent


def counts_nothing(bench: Bench) -> None:
    trouble = bench.envoy.trouble()
    assert not trouble, "\n".join(trouble)


def is_refused(plugin: str, field: str) -> None:
    accepted, log = validate(static([listener(ReservedPort(), plugin)], []))
    assert not accepted
    assert f"ccs-modules: the configuration is refused: {field}" in log, log


def is_no_struct() -> None:
    plugin = {"ccs": {"documents": [{"uid": "a"}]}, "access": ANONYMOUS}
    changed = listener(ReservedPort(), plugin)
    manager = changed["filter_chains"][0]["filters"][0]["typed_config"]
    struct = {"@type": "type.googleapis.com/google.protobuf.Struct", "value": plugin}
    manager["http_filters"][0]["typed_config"]["config"]["configuration"] = struct
    accepted, log = validate(static([changed], []))
    assert not accepted
    assert "the configuration is refused: a google.protobuf.Struct, expected JSON in a StringValue" in log, log


def is_replaced(_: None) -> None:
    """Requests while the listener gets new plugins, the last of them a bad one."""
    port = ReservedPort()
    plugins = [{"ccs": {"documents": [{"uid": str(n)}]}, "access": ANONYMOUS} for n in range(6)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "listeners.json")
        replace_listener(file, listener(port, plugins[0]))
        source = {"path_config_source": {"path": str(file)}, "resource_api_version": "V3"}
        config = {"dynamic_resources": {"lds_config": source},
                  "node": {"id": "test", "cluster": "test"}}
        with envoy(config, [port]) as proxy:
            with load(port) as bodies:
                for plugin in [*plugins[1:], {"ccs": "bad"}]:
                    replace_listener(file, listener(port, plugin))
                    last = plugin if "documents" in plugin["ccs"] else plugins[-1]
                    body = json.dumps(last["ccs"]["documents"], separators=(",", ":")).encode() + b"\n"
                    until(lambda: body in bodies)
                until(lambda: proxy.stats("lds.update_rejected").get(
                    "listener_manager.lds.update_rejected", 0) >= 1)
                assert get(port).body == body
            assert len(bodies) == len(plugins), bodies
            traps = "Uncaught", "panicked"
            trouble = [one for one in proxy.trouble() if any(trap in one for trap in traps)]
            assert not trouble, trouble


class load:
    """Sends requests without a pause, from four threads, until the block ends. Gives the different
    bodies of the answers so far."""

    def __init__(self, port: int):
        self.port, self.bodies, self.ended, self.errors = port, set(), threading.Event(), []

    def __enter__(self) -> set[bytes]:
        self.threads = [threading.Thread(target=self._ask) for _ in range(4)]
        for thread in self.threads:
            thread.start()
        return self.bodies

    def __exit__(self, *_) -> None:
        self.ended.set()
        for thread in self.threads:
            thread.join(30)
        assert not self.errors, self.errors[:3]

    def _ask(self) -> None:
        while not self.ended.is_set():
            try:
                response = get(self.port)
                assert response.status == 200, response
                self.bodies.add(response.body)
            except Exception as error:
                self.errors.append(error)


def replace_listener(file: Path, listener: dict) -> None:
    resource = {"@type": "type.googleapis.com/envoy.config.listener.v3.Listener", **listener}
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps({"resources": [resource]}))
    os.rename(partial, file)


def get(port: int) -> Response:
    return http.ask((HOST, port), Request("GET", b"/v1/modules", ()))


def open_request(port: int) -> socket.socket:
    client = connected((HOST, port))
    client.sendall(b"GET /v1/modules HTTP/1.1\r\nhost: ccs.test\r\n\r\n")
    return client


def active(bench: Bench) -> int:
    return sum(bench.envoy.stats("http.test.downstream_rq_active").values())


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it does not come to hold"
        time.sleep(0.02)

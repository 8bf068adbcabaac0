"""A policy `cluster` in a real Envoy with several workers: the cluster is asked who is calling."""

import base64
import time
from concurrent.futures import ThreadPoolExecutor

from envoy.proxy import cluster, envoy, listener, static
from harness import http
from harness.cases import Request, Response, Store
from harness.process import HOST, ReservedPort, connected
from harness.upstream import Upstream

WORKERS = 4
MIRROR, TOKEN = b"Basic bWlycm9yOnNlY3JldA==", b"Bearer a.b.c"


def basic(credentials: str) -> bytes:
    return b"Basic " + base64.b64encode(credentials.encode())


ROLES = {MIRROR: "db_viewer", TOKEN: "cluster_viewer", basic("ann:secret"): "db_viewer", basic("bob:secret"): "none"}
PLUGIN = {
    "ccs": {
        "refresh_ms": 500,
        "upstream": {"cluster": "ccs", "url": "http://ccs", "timeout_ms": 2000, "headers": {"authorization": MIRROR.decode()}},
    },
    "access": {"cluster": {"max_age_ms": 1000}},
}


def users() -> None:
    port = ReservedPort()
    with Upstream().running() as node:
        node.store, node.role_of = Store(documents=(b'{"uid":"a"}',)), ROLES.get
        config = static([listener(port, PLUGIN)], [cluster("ccs", node.port)])
        with envoy(config, [port], WORKERS) as proxy, ThreadPoolExecutor(16) as pool:
            until_mirrored(port)
            for field, expected in ((basic("ann:secret"), 200), (TOKEN, 200), (basic("bob:secret"), 403),
                                    (b"Bearer wrong", 401), (b"Digest x", 401), (None, 401)):
                found = {response.status for response in pool.map(lambda _: ask(port, field), range(40))}
                assert found == {expected}, (field, found)

            guesses = [basic(f"Eve:guess{number}") for number in range(200)]
            found = [response.status for response in pool.map(lambda field: ask(port, field), guesses)]
            assert found.count(401) <= 2 and set(found) <= {401, 429}, found
            assert len(shown(node, guesses)) <= 2, shown(node, guesses)

            # A client that leaves before the answer hides no denial.
            hidden = [basic(f"dan:guess{number}") for number in range(40)]
            list(pool.map(lambda field: leave(port, field), hidden))
            time.sleep(1)
            assert 1 <= len(shown(node, hidden)) <= 2, shown(node, hidden)

            before = len(node.asked)
            assert all(ask(port, TOKEN).status == 200 for _ in range(100))
            assert node.asked[before:].count(b"/v1/users/role") <= 2 * WORKERS, node.asked[before:]

            node.fault = "hung"
            time.sleep(1.5)
            known = [response.status for response in pool.map(lambda _: ask(port, TOKEN), range(40))]
            assert set(known) == {200}, known
            for field in (b"Bearer new", basic("new:secret")):
                unknown = [response.status for response in pool.map(lambda _: ask(port, field), range(20))]
                assert set(unknown) == {503}, unknown
            node.fault = None
            time.sleep(2)
            assert ask(port, basic("ann:secret")).status == 200

            assert not proxy.trouble(), proxy.trouble()
            log = proxy.log.read_text(errors="replace")
            secrets = [*ROLES, *guesses, *hidden]
            assert not any(field.split(b" ")[1].decode() in log for field in secrets), log


def until_mirrored(port: int) -> None:
    end = time.monotonic() + 20
    while any(ask(port, TOKEN).status == 503 for _ in range(4 * WORKERS)):
        assert time.monotonic() < end, "the mirror has no list"
        time.sleep(0.1)


def shown(node: Upstream, fields: list[bytes]) -> list[bytes]:
    """The requests with one of these fields that reached the cluster."""
    return [head for head in node.requests if any(b"authorization: " + field + b"\r\n" in head for field in fields)]


def request(field: bytes | None) -> Request:
    return Request("GET", b"/v1/modules", (("authorization", field),) if field else ())


def ask(port: int, field: bytes | None) -> Response:
    return http.ask((HOST, port), request(field))


def leave(port: int, field: bytes) -> None:
    """Sends a request, and disconnects at once."""
    with connected((HOST, port), 10) as connection:
        connection.sendall(b"GET /v1/modules HTTP/1.1\r\nhost: test\r\nauthorization: " + field + b"\r\n\r\n")

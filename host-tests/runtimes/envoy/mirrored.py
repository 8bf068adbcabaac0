"""The filter with a mirrored upstream: no request fails, whatever the upstream does."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from envoy.proxy import UPSTREAM, Envoy, cluster, envoy, listener, static
from harness.upstream import Upstream
from harness import LONG, http
from harness.cache import debian_package
from harness.cases import Request, Response, Store
from harness.process import HOST, ReservedPort

REFRESH = 0.5
"""The refresh interval, in seconds."""
WORKERS = 2
SECRET = "Basic bWlycm9yOnNlY3JldA=="
OLD, NEW = b'{"uid":"old"}', b'{"uid":"new"}'

FAULTS = {
    "silent": "the response broke off|answered 503",
    "reset": "the response broke off|answered 503",
    "cut": "the response broke off|answered 503",
    "slow": "answered 504",
    "drip": "the response broke off|answered 504",
    "status500": "answered 500",
    "html": "the list is refused",
    "open": "the list is refused",
    "large": "more than 8388608 bytes",
    "larger": "the response broke off|answered 50[34]",
    "redirecting": "a redirect to https://elsewhere.example",
}
"""The faults of the upstream, each with the reason in the answers."""


class Fixture(NamedTuple):
    upstream: Upstream
    envoy: Envoy
    port: int

    def ask(self) -> Response:
        return http.ask((HOST, self.port), Request("GET", b"/v1/modules", ()))

    def counter(self, name: str) -> int:
        return sum(self.envoy.stats(f"wasmcustom.ccs_modules.{name}").values())


def install() -> None:
    debian_package("wrk", "wrk")


def checks() -> Iterator[tuple[str, str, Callable[[object], None]]]:
    for fault in FAULTS:
        about = f"no request fails while the upstream is {fault}, and the reason is told"
        yield fault, about, lambda _, fault=fault: outlives(fault)
    yield "killed", "an upstream that is killed and restarted is not missed under load", killed
    yield "refused", "no worker asks again soon where the credentials are refused", refused
    yield "forgotten", "a list that is too old does not answer", forgotten
    yield "fetches", "there is one fetch for each refresh, whatever the number of workers", fetches


def outlives(fault: str) -> None:
    """Under load: the upstream has a fault, then serves another list without it."""
    with mirrored() as fixture:
        with Load(fixture):
            fixture.upstream.fault = fault
            reason = re.compile(FAULTS[fault])
            until(lambda: reason.search(cache_status(fixture.ask())), fault)
            fixture.upstream.store = Store(documents=(NEW,))
            assert fixture.ask().body == b"[" + OLD + b"]\n"
        fixture.upstream.fault = None
        back(fixture, NEW)
        healthy(fixture)


def killed(_: object) -> None:
    with mirrored() as fixture:
        with Load(fixture):
            fixture.upstream.stop()
            until(lambda: "detail=" in cache_status(fixture.ask()), "stale")
            again = Upstream(port=fixture.upstream.port)
            again.store = Store(documents=(NEW,))
            with again.running():
                back(fixture, NEW)
        healthy(fixture)


def refused(_: object) -> None:
    with mirrored(workers=8) as fixture:
        fixture.upstream.fault = "status401"
        until(lambda: "answered 401" in cache_status(fixture.ask()), "stale")
        asked = len(fixture.upstream.asked)
        time.sleep(10 * REFRESH)
        assert len(fixture.upstream.asked) == asked, fixture.upstream.asked[asked:]
        assert fixture.counter("upstream_failures.denied") == 1


def forgotten(_: object) -> None:
    with mirrored(stale_if_error_ms=1000) as fixture:
        fixture.upstream.fault = "status500"
        reason = b"more than 1 seconds old; http://ccs answered 500"
        until(lambda: reason in fixture.ask().body, "503 with the reason")
        assert fixture.ask().status == 503
        fixture.upstream.fault = None
        back(fixture, OLD)
        healthy(fixture)


def fetches(_: object) -> None:
    """Eight workers, ten seconds, or thirty in the long form."""
    with mirrored(workers=8) as fixture:
        before = len(fixture.upstream.asked)
        begun = time.monotonic()
        with Load(fixture):
            time.sleep(30 if LONG else 10)
        asked, due = len(fixture.upstream.asked) - before, (time.monotonic() - begun) / REFRESH
        answers = fixture.counter("answers.mirror")
        # The first refresh is at any part of the interval, the others at nine tenths or more of it.
        assert 2 <= asked <= due / 0.9 + 2, (asked, due, answers)
        assert answers > 10 * asked, (asked, answers)
        healthy(fixture)


@contextmanager
def mirrored(workers: int = WORKERS, stale_if_error_ms: int = 600_000) -> Iterator[Fixture]:
    """Runs Envoy with a mirror that has the list of an upstream."""
    port = ReservedPort()
    with Upstream().running() as upstream:
        upstream.store = Store(documents=(OLD,))
        asked = {**UPSTREAM, "timeout_ms": 300, "headers": {"authorization": SECRET}}
        plugin = {
            "ccs": {"upstream": asked, "refresh_ms": int(REFRESH * 1000),
                    "stale_if_error_ms": stale_if_error_ms},
            "access": {"anonymous": ["db_viewer"]},
        }
        config = static([listener(port, plugin)], [cluster("ccs", upstream.port)])
        with envoy(config, [port], workers) as proxy:
            fixture = Fixture(upstream, proxy, port)
            # A request does not choose its worker, so each worker must have the list.
            until(lambda: all(fixture.ask().status == 200 for _ in range(10)), "the list")
            assert fixture.upstream.requests
            assert all(f"authorization: {SECRET}".encode() in one for one in upstream.requests)
            yield fixture


class Load:
    """Requests by wrk until the block ends. None of them may fail."""

    def __init__(self, fixture: Fixture):
        # On a busy machine an answer can take longer than the 2 seconds that wrk gives it.
        words = ["wrk", "-t1", "-c16", "-d60s", "--timeout", "20s"]
        words.append(f"http://{HOST}:{fixture.port}/v1/modules")
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> None:
        time.sleep(0.2)

    def __exit__(self, *_) -> None:
        self.process.send_signal(2)
        out, _ = self.process.communicate(timeout=30)
        assert "Non-2xx" not in out and "Socket errors" not in out, out
        assert int(re.search(r"(\d+) requests in", out)[1]) > 0, out


def back(fixture: Fixture, document: bytes) -> None:
    """Checks that at last every answer has the new list, and that it is fresh."""
    body = b"[" + document + b"]\n"
    until(lambda: all(fixture.ask().body == body for _ in range(10)), "the new list")
    until(lambda: "detail=" not in cache_status(fixture.ask()), "fresh")


def healthy(fixture: Fixture) -> None:
    """Checks that the filter has not failed, and that no answer or log line contains the credentials."""
    trouble = fixture.envoy.trouble()
    assert not trouble, "\n".join(trouble)
    response = fixture.ask()
    secret = SECRET.split()[1]
    assert secret.encode() not in response.body and secret not in str(response.headers), response
    assert secret not in fixture.envoy.log.read_text(errors="replace")
    assert fixture.counter("fetches.changed") >= 1


def cache_status(response: Response) -> str:
    assert response.status == 200, response
    return dict(response.headers)["cache-status"].decode()


def until(holds: Callable[[], object], what: str) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end, f"it does not come to be: {what}"
        time.sleep(0.02)

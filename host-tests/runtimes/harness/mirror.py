"""Mirrors of an upstream: the case list through a mirror, and its answers while the upstream fails."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from harness import http
from harness.cases import ANYBODY, Case, Request, Response, Store, extra
from harness.process import HOST
from harness.runtime import Runtime
from harness.upstream import Upstream

OLD, NEW = b'[{"uid":"old"}]\n', b'[{"uid":"new"}]\n'

FAULTS = {
    "slow": "no response|in time",
    "status500": "answered 500",
    "html": "the list is refused",
    "open": "the list is refused",
    "redirecting": "a redirect to https://elsewhere.example, which is no configured node",
}
"""The faults of the upstream, each with the reason in the answers."""

USER, PASSWORD = "ann", "mirror-secret"
SECRETS = [PASSWORD.encode(), b"YW5uOm1pcnJvci1zZWNyZXQ="]

Serve = Callable[[str], AbstractContextManager[tuple[str, int]]]
"""Serves a mirror of the upstream at a URL, with `USER` and `PASSWORD`, to every caller, at the
address it gives. The mirror is refreshed with each request or each half second."""


def reason_to_skip(case: Case) -> str | None:
    """The reason why this case does not apply to a mirror of a cluster; None if it does."""
    if isinstance(case.expect, Response) and case.expect.status == 500:
        return "the catalog is malformed, and a mirror takes none that is"
    return _not_whole(case)


def _not_whole(case: Case) -> str | None:
    if case.other_is_malformed:
        return "a mirror takes a catalog as a whole: a malformed document beside the one that is asked for counts"
    return None


class OfStore(Runtime):
    """A runtime whose server mirrors a store. It is the first base class of such a runtime."""

    def reason_to_skip(self, case: Case) -> str | None:
        return super().reason_to_skip(case) or _not_whole(case)

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        for case, found in super().outcomes(cases):
            yield case, plain(found)


class Mirrored(OfStore):
    """A runtime whose server mirrors an upstream. It is the first base class of such a runtime."""

    def mirroring(self, url: str, access: str | None = ANYBODY) -> AbstractContextManager[tuple[str, int]]:
        """Serves a mirror of the upstream at a URL."""
        raise NotImplementedError

    def reason_to_skip(self, case: Case) -> str | None:
        return super().reason_to_skip(case) or reason_to_skip(case)

    @contextmanager
    def serve(self, store: Store, access: str | None) -> Iterator[tuple[str, int]]:
        with Upstream().running() as upstream:
            upstream.store = store
            with self.mirroring(f"http://{HOST}:{upstream.port}", access) as address:
                yield address

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        yield from super().outcomes(cases)
        yield from faults(self.mirroring)


def plain(found: object) -> object:
    """A response without the header fields that a mirror adds."""
    if not isinstance(found, Response):
        return found
    headers = [field for field in found.headers if field[0] not in ("age", "cache-status")]
    return Response(found.status, tuple(headers), found.body)


def faults(serve: Serve) -> Iterator[tuple[Case, object]]:
    """The answers of a mirror while the upstream fails: the list that it keeps, and the reason."""
    yield from _outlived(serve)
    for fault in ("slow", "html", None):
        with Upstream().running() as upstream:
            if fault is None:
                upstream.stop()
            upstream.fault = fault
            with serve(f"http://{HOST}:{upstream.port}") as address:
                response = _ask(address)
        reason = FAULTS[fault] if fault else "refused|unreachable|connect|lost"
        about = f"a mirror that holds nothing says why: the upstream is {fault or 'down'}"
        yield case(f"mirror-empty-{fault or 'down'}", about), said(response, 503, None, reason)


def _outlived(serve: Serve) -> Iterator[tuple[Case, object]]:
    with Upstream().running() as upstream:
        port = upstream.port
        upstream.store = Store(body=OLD)
        with serve(f"http://{HOST}:{port}") as address:
            yield case("mirror-fresh", "a mirror holds the list"), _until(address, OLD, "hit")
            for fault, reason in FAULTS.items():
                upstream.fault = fault
                about = f"a mirror keeps the list while the upstream is {fault}, and says why"
                yield case(f"mirror-{fault}", about), _until(address, OLD, f"detail=.*({reason})")
            upstream.fault = None
            upstream.store = Store(body=NEW)
            about = "a mirror has the new list once the upstream is back"
            yield case("mirror-back", about), _until(address, NEW, "hit")
            seen = b"".join(upstream.requests)
            sent = "every request has the credentials"
            is_sent = bool(upstream.requests) and all(SECRETS[1] in one for one in upstream.requests)
            yield case("mirror-credentials", sent), True if is_sent else seen[:400]
            upstream.stop()
            about = "a mirror keeps the list while the upstream is down, and says why"
            yield case("mirror-down", about), _until(address, NEW, "detail=")


def case(name: str, about: str) -> Case:
    """A case that passes if `found` is true."""
    return extra(name, about, True)


def _until(address: tuple[str, int], body: bytes, pattern: str, seconds: float = 30) -> object:
    """Asks until the body comes with a `cache-status` of this pattern. Every answer must be a 200
    and a whole list. Returns true, or the first wrong answer."""
    end = time.monotonic() + seconds
    while True:
        response = _ask(address)
        if response.status != 200 or response.body not in (OLD, NEW):
            return response
        cache_status = dict(response.headers)["cache-status"].decode()
        found = said(response, 200, body, None)
        if found is True and re.search(pattern, cache_status):
            return True
        if time.monotonic() > end:
            return response
        time.sleep(0.02)


def said(response: Response, status: int, body: bytes | None, reason: str | None) -> object:
    """Checks that a response has this status, gives the reason, and contains no credentials. Returns
    true, or the response."""
    shown = response.body + repr(response.headers).encode()
    if any(secret in shown for secret in SECRETS) or response.status != status:
        return response
    if body is not None and response.body != body:
        return response
    return True if reason is None or re.search(reason, response.body.decode()) else response


def _ask(address: tuple[str, int]) -> Response:
    return http.ask(address, Request("GET", b"/v1/modules", ()), seconds=60)

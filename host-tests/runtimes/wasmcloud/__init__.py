"""wasmCloud's runtime library, in the small host of `wasmcloud/`: the HTTP service on WASI 0.2.

Its `wasi:keyvalue` is empty at the start, and only components can fill it. So the catalogs are
baked in.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from harness import http
from harness.artifacts import artifact
from harness.baked import baked
from harness.cache import from_sources
from harness.cases import ANYBODY, Case, Request, Store, extra, failure, get
from harness.process import ReservedPort, running
from harness.runtime import Runtime

PACKAGE = Path(__file__).resolve().parent


class WasmCloud(Runtime):
    name = "wasmcloud"

    def install(self) -> None:
        # Cargo knows what is missing. Its own folder keeps the build out of the source tree.
        host()

    def reason_to_skip(self, case: Case) -> str | None:
        reason = super().reason_to_skip(case)
        if not reason and baked(case.store) is None:
            return "the catalog is malformed, and such a one is not baked"
        return reason

    def serve(self, store: Store, access: str | None):
        return served(baked(store), {"CCS_ACCESS": access} if access else {})

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        yield from super().outcomes(cases)
        about = "a key that is not there is a store that is not ready"
        missing = r'the store is unavailable: the key \"modules\" is not in the bucket \"\"'
        expect = failure(503, "store_unavailable", missing)
        yield extra("key-missing", about, expect), self.over_keyvalue()
        about = "a key that is not there is an empty catalog where it is said to be"
        found = self.over_keyvalue(CCS_KEYVALUE_MISSING="empty")
        yield extra("key-missing-empty", about, (200, b"[]\n")), found
        yield self.concurrent()

    def over_keyvalue(self, **environment: str) -> tuple[int, bytes]:
        component = artifact("ccs_modules_wasi_http_keyvalue.wasm")
        with served(component, {"CCS_ACCESS": ANYBODY, **environment}) as address:
            response = http.ask(address, get("/v1/modules"))
        return response.status, response.body

    def concurrent(self) -> tuple[Case, object]:
        """Many concurrent requests: each gets its own answer."""
        uids = [f"module-{number}" for number in range(50)]
        store = Store(documents=tuple(f'{{"uid":"{uid}"}}'.encode() for uid in uids))
        wanted = uids * 8
        with self.serve(store, ANYBODY) as address, ThreadPoolExecutor(16) as pool:
            ask = lambda uid: http.ask(address, get(f"/v1/modules/{uid}")).body
            found = list(pool.map(ask, wanted))
        expect = [f'{{"uid":"{uid}"}}\n'.encode() for uid in wanted]
        return extra("concurrent", "calls at the same time do not meet", expect), found


@cache
def host() -> Path:
    return from_sources(PACKAGE, "ccs-modules-wasmcloud")


@contextmanager
def served(component: Path, environment: dict[str, str]) -> Iterator[tuple[str, int]]:
    port = ReservedPort()
    words = [host(), component, f"127.0.0.1:{port}"]
    with running(words, port, env={**os.environ, **environment}) as address:
        # The port is open before there is a component that answers.
        while http.ask(address, Request("OPTIONS", b"/v1/modules", ())).status == 404:
            pass
        yield address


RUNTIMES = [WasmCloud()]

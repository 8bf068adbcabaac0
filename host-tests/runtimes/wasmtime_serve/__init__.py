"""`wasmtime serve`: the HTTP service on WASI 0.2 and 0.3, each with fresh and with reused
instances.

The store is a value of `wasi:keyvalue`, given on the command line, or a catalog that is baked in.
wasmtime splits the option at its commas, and JSON has many, so the value is in base64.
"""

import base64
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import http
from harness.artifacts import artifact, built, composed
from harness.baked import baked
from harness.cases import ANYBODY, HEAD, TRUSTED_HEADER, Case, Request, Response, Store, extra, failure, get
from harness.process import log_lines
from harness.runtime import Runtime
from harness.wasmtime import served, wasmtime

LONGEST_ARGUMENT = 128 << 10
"""The longest argument that Linux accepts."""


class WasmtimeServe(Runtime):
    def __init__(self, name: str, component: str, *options: str):
        self.name = f"wasmtime-{name}"
        self.component = component
        self.options = options

    def install(self) -> None:
        wasmtime()

    def reason_to_skip(self, case: Case) -> str | None:
        reason = super().reason_to_skip(case)
        if not reason and len(_base64(case.store.snapshot())) >= LONGEST_ARGUMENT:
            return "the store is too long for a command line"
        return reason

    def serve(self, store: Store, access: str | None):
        return self.with_value(store.snapshot(), access)

    def service(self) -> Path:
        """The component that is served."""
        return artifact(self.component)

    def with_value(self, value: bytes | None, access: str | None, **environment: str):
        """Serves the content of the key `modules`, if any."""
        options = [*self.options, "-S", "keyvalue"]
        if value is not None:
            options += ["-S", f"keyvalue-in-memory-data=modules={_base64(value)}"]
            environment.setdefault("CCS_KEYVALUE_ENCODING", "base64")
        if access is not None:
            environment["CCS_ACCESS"] = access
        return served(self.service(), *options, environment=environment)

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        yield from super().outcomes(cases)
        for name, about, serving, expect in self.configurations():
            with serving as address:
                response = http.ask(address, get("/v1/modules"))
            yield extra(name, about, expect), (response.status, response.body)
        yield self.concurrent()
        yield from self.logged()

    def logged(self) -> Iterator[tuple[Case, object]]:
        """The lines on standard error after one request."""
        cause = b'503: the store is unavailable: the key "modules" is not in the bucket ""\n'
        policy = {"CCS_ACCESS": ANYBODY}
        for name, about, request, environment, expect in [
            ("log-5xx", "the cause of a 5xx is logged", get("/v1/modules"), policy, cause),
            ("log-5xx-head", "the cause of a HEAD's 5xx is logged", HEAD, policy, cause),
            (
                "log-no-policy",
                "a service without an access policy logs that it has none",
                get("/v1/modules"),
                {},
                b"CCS_ACCESS is not set: every request is answered with 401; set it to an access policy\n",
            ),
        ]:
            with tempfile.TemporaryFile() as output:
                options = [*self.options, "-S", "keyvalue"]
                with served(self.service(), *options, environment=environment, output=output) as address:
                    http.ask(address, request)
                yield extra(name, about, [b"ccs-modules: " + expect]), log_lines(output)

    def configurations(self) -> list:
        """Services with one setting or fault each, and the expected answer."""
        two = b'[{"uid":"a"},\n {"uid":"b"} x]'
        policy = '{"users":[{"name":"ann","password_sha256":"secret","roles":["admin"]}]}'
        return [
            (
                "access-ill-formed",
                "a policy that is ill-formed serves nothing, and its error names the field alone",
                self.with_value(b"[]", policy),
                failure(
                    500,
                    "misconfigured",
                    "the access policy in CCS_ACCESS is ill-formed: users[0].password_sha256: "
                    "expected the 64 hexadecimal digits of a SHA-256",
                ),
            ),
            (
                "key-missing",
                "a key that is not there is a store that is not ready",
                self.with_value(None, ANYBODY),
                failure(
                    503,
                    "store_unavailable",
                    r'the store is unavailable: the key \"modules\" is not in the bucket \"\"',
                ),
            ),
            (
                "key-missing-empty",
                "a key that is not there is an empty catalog where it is said to be",
                self.with_value(None, ANYBODY, CCS_KEYVALUE_MISSING="empty"),
                (200, b"[]\n"),
            ),
            (
                "key-of-another-name",
                "the key is the one that is configured",
                self.with_value(b"[]", ANYBODY, CCS_KEYVALUE_KEY="others"),
                failure(
                    503,
                    "store_unavailable",
                    r'the store is unavailable: the key \"others\" is not in the bucket \"\"',
                ),
            ),
            (
                "bucket-unknown",
                "a bucket that the host does not have is a store that is not ready",
                self.with_value(b"[]", ANYBODY, CCS_KEYVALUE_BUCKET="others"),
                failure(
                    503,
                    "store_unavailable",
                    r'the store is unavailable: there is no bucket \"others\"',
                ),
            ),
            (
                "value-no-array",
                "a value that is no array of objects is told with its position",
                self.with_value(two, ANYBODY),
                failure(
                    500,
                    "store_failed",
                    r'the store failed: the value of the key \"modules\", line 2, column 14: '
                    "unexpected `x`",
                ),
            ),
            (
                "value-plain",
                "a value is plain JSON where nothing is said of its encoding",
                self.with_value(b"[]", ANYBODY, CCS_KEYVALUE_ENCODING="json"),
                failure(
                    500,
                    "store_failed",
                    r'the store failed: the value of the key \"modules\", line 1, column 1: '
                    "unexpected `W`",
                ),
            ),
            (
                "setting-unknown",
                "a setting that is ill-formed is told by its name",
                self.with_value(b"[]", ANYBODY, CCS_KEYVALUE_MISSING="yes"),
                failure(
                    500,
                    "store_failed",
                    "the store failed: CCS_KEYVALUE_MISSING: expected empty or error",
                ),
            ),
        ]

    def concurrent(self) -> tuple[Case, object]:
        """Many concurrent requests: each gets its own answer."""
        uids = [f"module-{number}" for number in range(50)]
        documents = tuple(f'{{"uid":"{uid}"}}'.encode() for uid in uids)
        wanted = uids * 8
        with self.serve(Store(documents=documents), TRUSTED_HEADER) as address:
            ask = lambda uid: http.ask(address, _as_viewer(uid)).body
            with ThreadPoolExecutor(16) as pool:
                found = list(pool.map(ask, wanted))
        expect = [f'{{"uid":"{uid}"}}\n'.encode() for uid in wanted]
        return extra("concurrent", "calls at the same time do not meet", expect), found


class WasmtimeBaked(Runtime):
    """The catalog is in the component, so the host gives only the policy."""

    def __init__(self, wasi: str):
        self.name = f"wasmtime-{wasi}-baked"
        self.wasi = wasi

    def install(self) -> None:
        wasmtime()

    def reason_to_skip(self, case: Case) -> str | None:
        reason = super().reason_to_skip(case)
        if not reason and baked(case.store, self.wasi) is None:
            return "the catalog is malformed, and such a one is not baked"
        return reason

    def serve(self, store: Store, access: str | None):
        environment = {} if access is None else {"CCS_ACCESS": access}
        return served(baked(store, self.wasi), environment=environment)

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        yield from super().outcomes(cases)
        front = {"0.2": "wasi_http_baked", "0.3": "wasi_http_p3_baked"}[self.wasi]
        with served(artifact(f"ccs_modules_{front}.wasm"), environment={}) as address:
            response = http.ask(address, get("/v1/modules"))
        about = "a service that no catalog has been baked into answers with an error"
        reason = "this component has no catalog, `ccs-modules bake` puts one in"
        expect = failure(500, "misconfigured", reason)
        yield extra("not-baked", about, expect), (response.status, response.body)


class WasmtimeMiddleware(WasmtimeServe):
    """The service composed in front of another one."""

    def __init__(self):
        super().__init__("0.3-middleware", "ccs_modules_wasi_http_p3_middleware.wasm", *FRESH)

    def prepare(self) -> None:
        next_service = built("ccs-modules-next-service")
        self._folder = tempfile.TemporaryDirectory()
        with_store, service = Path(self._folder.name, "with-store.wasm"), Path(self._folder.name, "service.wasm")
        composed(artifact(self.component), artifact("ccs_modules_ccs_keyvalue.wasm"), with_store)
        composed(with_store, next_service, service)
        self._service = service

    def service(self) -> Path:
        return self._service

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        for case, found in super().outcomes(cases):
            handed_on = isinstance(found, Response) and found.body.startswith(b"next ")
            yield case, case.expect if handed_on and b'"not_found"' in case.expect.body else found
        yield from self.handed_on()

    def configurations(self) -> list:
        return []

    def handed_on(self) -> Iterator[tuple[Case, object]]:
        """The requests that the next service gets."""
        with self.with_value(b"[]", ANYBODY) as address:
            yield from self.asked(address, "GET", "/v1/bdbs?a=%2F", b"", (200, b"next Method::Get /v1/bdbs?a=%2F "))
            yield from self.asked(address, "POST", "/v1/bdbs", b"x" * 100_000, (200, b"next Method::Post /v1/bdbs " + b"x" * 100_000))
            yield from self.asked(address, "GET", "/v1/modules", b"", (200, b"[]\n"))
            refused = failure(405, "method_not_allowed", "this path allows only GET, HEAD, OPTIONS")
            yield from self.asked(address, "DELETE", "/v1/modules/a", b"", refused)
            yield from self.two_hosts(address)
        with self.with_value(b"[]", ANYBODY, CCS_METHODS="pass") as address:
            yield from self.asked(address, "DELETE", "/v1/modules/a", b"", (200, b"next Method::Delete /v1/modules/a "))
        with self.with_value(b"[]", ANYBODY, CCS_METHODS="both") as address:
            reason = failure(500, "misconfigured", "CCS_METHODS: expected pass or refuse")
            yield from self.asked(address, "GET", "/v1/modules", b"", reason)
            yield from self.asked(address, "GET", "/", b"", (200, b"next Method::Get / "))

    def two_hosts(self, address) -> Iterator[tuple[Case, object]]:
        """A request with two fields `host` (wasmtime#13801). wasmtime 48.0.2 lets it in, and takes them out."""
        request = Request("GET", b"/v1/bdbs", (("host", b"a.test"), ("host", b"b.test")))
        response = http.ask(address, request)
        hosts = [value for name, value in response.headers if name == "x-host"]
        about = "two hosts do not get to the next service"
        yield extra("next-two-hosts", about, (200, True)), (response.status, len(hosts) < 2)

    def asked(self, address, method: str, target: str, body: bytes, expect) -> Iterator[tuple[Case, object]]:
        response = http.ask(address, Request(method, target.encode(), ()), body=body)
        yield extra(f"next-{method}-{target}", "asked in front of another service", expect), (response.status, response.body)


def _as_viewer(uid: str) -> Request:
    return Request("GET", f"/v1/modules/{uid}".encode(), (("x-ccs-roles", b"db_viewer"),))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


FRESH = ("--max-instance-reuse-count", "1")
REUSED = ("--max-instance-reuse-count", "1000")

RUNTIMES = [
    WasmtimeServe("0.2-fresh", "ccs_modules_wasi_http_keyvalue.wasm", *FRESH),
    WasmtimeServe("0.2-reused", "ccs_modules_wasi_http_keyvalue.wasm", *REUSED),
    WasmtimeServe("0.3-fresh", "ccs_modules_wasi_http_p3_keyvalue.wasm", *FRESH),
    WasmtimeServe("0.3-reused", "ccs_modules_wasi_http_p3_keyvalue.wasm", *REUSED),
    WasmtimeMiddleware(),
    WasmtimeBaked("0.2"),
    WasmtimeBaked("0.3"),
]

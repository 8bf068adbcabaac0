"""The example of a store of your own: built, composed by the command, and served by `wasmtime
serve`."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness import http
from harness.artifacts import artifact, built, composed
from harness.cases import ANYBODY, Case, extra, get
from harness.runtime import Runtime
from harness.wasmtime import served, wasmtime

PACKAGE = "ccs-modules-example-own-store"
BODY = (
    b'[{"module_name":"bf","semantic_version":"8.0.1","uid":"1"},'
    b'{"module_name":"search","semantic_version":"7.99.91","uid":"2"}]\n'
)


class OwnStore(Runtime):
    name = "example-own-store"

    def install(self) -> None:
        wasmtime()

    def reason_to_skip(self, case: Case) -> str | None:
        return "the store of the example has two modules, and no others"

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        with tempfile.TemporaryDirectory() as folder:
            service = Path(folder, "service.wasm")
            composed(artifact("ccs_modules_wasi_http.wasm"), built(PACKAGE), service)
            with served(service, environment={"CCS_ACCESS": ANYBODY}) as address:
                response = http.ask(address, get("/v1/modules"))
        case = extra("own-store", "your own store, composed, is listed", (200, BODY))
        yield case, (response.status, response.body)


RUNTIMES = [OwnStore()]

"""Tools of others that judge the API: schemathesis by the OpenAPI document, REDbot by the rules of HTTP."""

import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import js
from envoy.proxy import envoy, listener, program as envoy_program, static
from harness import http
from harness.artifacts import WORKSPACE, program
from harness.baked import baked
from harness.cache import environment, installed
from harness.cases import ANYBODY, Case, Store, extra, get
from harness.process import ReservedPort, running
from harness.runtime import Runtime
from harness.wasmtime import served, wasmtime

PACKAGE = Path(__file__).resolve().parent
DOCUMENT = WORKSPACE / "docs/openapi.json"
CATALOG = WORKSPACE / "host/src/stores/demo.json"
NOBODY = '{"anonymous":["none"]}'
USERS = f'{{"users":[{{"name":"ann","password_sha256":"{"0" * 64}","roles":["admin"]}}]}}'


class Tool(Runtime):
    """A tool from PyPI, in an environment of its own."""

    name: str
    version: str
    beside: str
    """The package that decides what the tool asks or notes, with its version."""

    def install(self) -> None:
        self.bin()

    def bin(self) -> Path:
        """The folder of the environment's programs."""
        packages = f"{self.name}=={self.version}", self.beside
        name = f"{self.name}-{self.version}"
        return installed(name, lambda folder: environment(folder, *packages)) / "bin"

    def reason_to_skip(self, case: Case) -> str | None:
        return "a case, and this tool makes its own requests"

    def prepare(self) -> None:
        program()


class Schemathesis(Tool):
    """Requests that fit the document and requests that do not, made by the document alone."""

    name, version, beside = "schemathesis", "4.32.5", "hypothesis==6.170.17"

    def install(self) -> None:
        super().install()
        js.tools()
        wasmtime()
        envoy_program()

    def prepare(self) -> None:
        super().prepare()
        js.package()

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        store = Store(body=CATALOG.read_bytes())
        # Envoy itself answers a method that its parser does not know, such as QUERY, with 400.
        without = ["--exclude-checks", "unsupported_method"]
        for name, serving, options in [
            ("serve", serve(f"file:{CATALOG}"), []),
            ("envoy", filtered(), without),
            ("baked", served(baked(store), environment={"CCS_ACCESS": ANYBODY}), []),
            ("npm", js.JavaScriptFile("node", "node").serve(store, ANYBODY), []),
        ]:
            about = f"{name} keeps what the document promises"
            with serving as (host, port):
                found = self.run(f"http://{host}:{port}", options)
            yield extra(name, about, "holds"), found

    def run(self, url: str, others: list[str]) -> str:
        """Runs the tool. Returns its report if it found a failure or tested nothing."""
        options = ["--checks", "all", "--max-examples", "100", "--generation-deterministic"]
        options += ["--continue-on-failure", "--no-color", "--warnings", "off", *others]
        words = [self.bin() / "python", "-m", "schemathesis.cli", "--config-file", PACKAGE / "schemathesis.toml"]
        words += ["run", DOCUMENT, "--url", url, *options]
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
        tested = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
        is_whole = tested and tested[1] == tested[2] and int(tested[1]) > 100
        return "holds" if done.returncode == 0 and is_whole else done.stdout + done.stderr


class Redbot(Tool):
    """Each kind of response: no note that is bad, and no warning."""

    name, version, beside = "redbot", "2.7.1", "httplint==2026.10.4"

    LIST, MODULE = "/v1/modules", "/v1/modules/b212cb64b206074750414b81d9fb1135"
    KINDS = [
        (200, "GET", LIST), (200, "GET", MODULE), (200, "HEAD", LIST), (204, "OPTIONS", LIST),
        (200, "GET", "/openapi.json"), (400, "GET", "/v1/modules?version=x"), (404, "GET", "/v1/modules/none"),
        (404, "GET", "/other"), (405, "DELETE", LIST), (406, "GET", LIST, "Accept", "text/html"),
        (412, "GET", LIST, "If-Match", '"other"'), (304, "GET", LIST, "If-None-Match", "*"),
        (304, "GET", MODULE, "If-None-Match", "*"), (304, "GET", "/openapi.json", "If-None-Match", "*"),
    ]  # fmt: skip

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        with tempfile.TemporaryDirectory() as folder:
            malformed = Path(folder, "malformed.json")
            malformed.write_text('[{"uid":1}]')
            for store, access, kinds in [
                (f"file:{CATALOG}", ANYBODY, self.KINDS),
                (f"file:{CATALOG}", USERS, [(401, "GET", self.LIST)]),
                (f"file:{CATALOG}", NOBODY, [(403, "GET", self.LIST)]),
                (f"file:{malformed}", ANYBODY, [(500, "GET", self.LIST)]),
                (f"file:{folder}/missing", ANYBODY, [(503, "GET", self.LIST)]),
            ]:
                with serve(store, access) as address:
                    for kind in kinds:
                        yield self.judged(address, *kind)
            yield self.stale(Path(folder, "modules.json"))

    def stale(self, file: Path) -> tuple[Case, object]:
        """The list of a store that is gone."""
        file.write_bytes(CATALOG.read_bytes())
        with serve(f"file:{file}") as address:
            http.ask(address, get(self.LIST))  # It waits for the catalog to be read.
            file.unlink()
            end = time.monotonic() + 30
            while b"detail=" not in dict(http.ask(address, get(self.LIST)).headers)["cache-status"]:
                if time.monotonic() > end:
                    raise RuntimeError("the list does not get stale")
                time.sleep(0.1)
            return self.judged(address, 200, "GET", self.LIST)

    def judged(self, address, status: int, method: str, target: str, *header: str) -> tuple[Case, object]:
        """The notes on the response to one request."""
        host, port = address
        words = [self.bin() / "python", PACKAGE / "notes.py", method, f"http://{host}:{port}{target}", *header]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        about = f"{status} to {method} {target}: nothing to warn of"
        return extra(f"{status}-{method}", about, f"{status}\n"), done.stdout + done.stderr


RUNTIMES = [Schemathesis(), Redbot()]


@contextmanager
def serve(store: str, access: str = ANYBODY) -> Iterator[tuple[str, int]]:
    """`ccs-modules serve` over a store."""
    port = ReservedPort()
    with tempfile.NamedTemporaryFile("w") as policy:
        policy.write(access)
        policy.flush()
        words = [program(), "serve", "--listen", f"127.0.0.1:{port}", "--store", store]
        with running([*words, "--access", policy.name], port) as address:
            yield address


@contextmanager
def filtered() -> Iterator[tuple[str, int]]:
    """Envoy's filter with the catalog in its configuration."""
    port = ReservedPort()
    plugin = f'{{"ccs":{{"documents":{CATALOG.read_text()}}},"access":{ANYBODY}}}'
    with envoy(static([listener(port, plugin)], []), [port]):
        yield "127.0.0.1", port

"""Viceroy, the local runtime of Fastly Compute: the store is a value of its KV store, or a cluster behind backends."""

import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import http
from harness.artifacts import WORKSPACE, artifact
from harness.cache import from_crate
from harness.cases import ANYBODY, HEAD, Case, Response, Store, extra, failure, get
from harness.process import HOST, ReservedPort, log_lines, running
from harness.runtime import Runtime
from harness.upstream import Upstream
from over_http import FAULTS, OverHttp

VERSION = "0.22.0"
SERVICE = "ccs_modules_fastly.wasm"
SECRETS = ("CCS_HTTP_PASSWORD", "CCS_HTTP_TOKEN")
SHIPPED = WORKSPACE / "adapters/fastly/fastly.toml"


def viceroy() -> Path:
    return from_crate("viceroy", VERSION)


class Viceroy(Runtime):
    """The part that is the same for every store."""

    def install(self) -> None:
        viceroy()

    def prepare(self) -> None:
        viceroy()
        artifact(SERVICE)

    def reason_to_skip(self, case: Case) -> str | None:
        if case.over_http and not case.request.target.isascii():
            return "the target has bytes that Viceroy does not let in"
        return super().reason_to_skip(case)

    @contextmanager
    def configured(
        self,
        configuration: dict[str, str] | None,
        value: bytes | None = None,
        backends: dict[str, str] | None = None,
        output=None,
    ) -> Iterator[tuple[str, int]]:
        """Serves with this config store, if any, the content of the key `modules`, if any, and these backends.
        A password or a token is in the secret store. The output goes to the open file `output`."""
        with tempfile.TemporaryDirectory() as folder:
            text = 'manifest_version = 3\nname = "ccs-modules"\nlanguage = "other"\n'
            if configuration is not None:
                configuration = dict(configuration)
                secrets = {name: configuration.pop(name) for name in SECRETS if name in configuration}
                text += '[local_server.config_stores.ccs-modules]\nformat = "inline-toml"\n'
                text += "[local_server.config_stores.ccs-modules.contents]\n"
                text += "".join(f"{name} = {json.dumps(it)}\n" for name, it in configuration.items())
                for name, secret in secrets.items():
                    text += f"[[local_server.secret_stores.ccs-modules]]\nkey = {json.dumps(name)}\n"
                    text += f"data = {json.dumps(secret)}\n"
            if value is not None:
                Path(folder, "modules.json").write_bytes(value)
                text += '[[local_server.kv_stores.ccs-modules]]\nkey = "modules"\n'
                text += f'file = "{folder}/modules.json"\n'
            for name, url in (backends or {}).items():
                text += f'[local_server.backends.{name}]\nurl = "{url}"\n'
            Path(folder, "fastly.toml").write_text(text)
            with self.manifest(Path(folder, "fastly.toml"), output) as address:
                yield address

    @contextmanager
    def manifest(self, manifest: Path, output=None, **environment: str) -> Iterator[tuple[str, int]]:
        port = ReservedPort()
        words = [viceroy(), "serve", artifact(SERVICE), "-C", manifest, "--addr", f"{HOST}:{port}"]
        with running(words, port, output=output, cwd=manifest.parent, env={**os.environ, **environment}) as address:
            yield address

    def survived(self, configuration: dict[str, str], **serving) -> Iterator[tuple[Case, object]]:
        """Values that a setting may have by mistake: each request is answered, and an error names the
        setting."""
        for name in configuration:
            found = []
            for value in MISTAKES:
                with self.configured({**configuration, name: value}, **serving) as address:
                    response = http.ask(address, get("/v1/modules"))
                if not _is_sound(response, name):
                    found.append((value[:20], response))
            yield extra(f"mistaken-{name}", f"a mistake in {name} ends no instance, and its error names it", []), found


MISTAKES = ["", "\0", "é", "a" * 7999, '{"', ","]


def _is_sound(response: Response, name: str) -> bool:
    """Whether this is an answer of the service: a good one, or an error that names the setting."""
    if response.status in (200, 401, 503):
        return response.body.endswith(b"\n") and bool(json.loads(response.body))
    return response.status == 500 and name in json.loads(response.body)["description"]


class Fastly(Viceroy):
    name = "fastly"

    def serve(self, store: Store, access: str | None):
        return self.configured({"CCS_ACCESS": access} if access else {}, store.snapshot())

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        yield from super().outcomes(cases)
        for name, about, serving, expect in self.configurations():
            with serving as address:
                response = http.ask(address, get("/v1/modules"))
            yield extra(name, about, expect), (response.status, response.body)
        yield from self.survived({"CCS_ACCESS": ANYBODY, "CCS_KEYVALUE_KEY": "modules", "CCS_KEYVALUE_STORE": "ccs-modules"}, value=b'[{"uid":"a"}]')
        yield self.shipped()
        yield from self.logged()

    def logged(self) -> Iterator[tuple[Case, object]]:
        """The lines on standard error after one request."""
        cause = b'503: the store is unavailable: there is no KV store "ccs-modules"\n'
        for request in [get("/v1/modules"), HEAD]:
            with tempfile.TemporaryFile() as output:
                with self.configured({"CCS_ACCESS": ANYBODY}, output=output) as address:
                    http.ask(address, request)
                about = "the cause of a 5xx is logged"
                yield extra(f"log-5xx-{request.method}", about, [b"ccs-modules: " + cause]), log_lines(output)

    def configurations(self) -> list:
        """Services with one setting or fault each, and the expected answer."""
        unauthenticated = failure(401, "unauthenticated", "credentials are missing or wrong")
        missing = r'the store is unavailable: the key \"others\" is not in the KV store \"ccs-modules\"'
        return [
            ("no-configuration", "without a config store nobody is let in", self.configured(None, b"[]"), unauthenticated),
            (
                "access-ill-formed",
                "a policy that is ill-formed serves nothing, and its error names the field alone",
                self.configured({"CCS_ACCESS": '{"anonymous":["secret"]}'}, b"[]"),
                failure(
                    500,
                    "misconfigured",
                    "the access policy in CCS_ACCESS is ill-formed: anonymous[0]: "
                    "expected one of admin, cluster_member, cluster_viewer, db_member, db_viewer, user_manager, none",
                ),
            ),
            (
                "key-missing",
                "a key that is not there is a store that is not ready",
                self.configured({"CCS_ACCESS": ANYBODY, "CCS_KEYVALUE_KEY": "others"}, b"[]"),
                failure(503, "store_unavailable", missing),
            ),
            (
                "store-missing",
                "a store that is not there is not ready",
                self.configured({"CCS_ACCESS": ANYBODY, "CCS_KEYVALUE_STORE": "others"}, b"[]"),
                failure(503, "store_unavailable", r'the store is unavailable: there is no KV store \"others\"'),
            ),
            (
                "key-ill-formed",
                "a key that cannot be one is told",
                self.configured({"CCS_ACCESS": ANYBODY, "CCS_KEYVALUE_KEY": ""}, b"[]"),
                failure(500, "store_failed", "the store failed: CCS_KEYVALUE_KEY: expected a key of a KV store"),
            ),
            (
                "value-no-array",
                "a value that is no array of objects is told with its position",
                self.configured({"CCS_ACCESS": ANYBODY}, b'[{"uid":"a"},\n {"uid":"b"} x]'),
                failure(
                    500,
                    "store_failed",
                    "the store failed: the value is not a list of documents: line 2, column 14: unexpected `x`",
                ),
            ),
        ]

    def shipped(self) -> tuple[Case, object]:
        with tempfile.TemporaryDirectory() as folder:
            manifest = Path(folder, "fastly.toml")
            manifest.write_text(SHIPPED.read_text())
            Path(folder, "modules.json").write_bytes(b'[{"uid":"a"}]')
            with self.manifest(manifest) as address:
                body = http.ask(address, get("/v1/modules")).body
        return extra("shipped", "the shipped manifest serves", b'[{"uid":"a"}]\n'), body


class FastlyUpstream(Viceroy, OverHttp):
    """The nodes of a cluster are backends. Fastly starts an instance for each request."""

    name = "fastly-upstream"
    reuses_instances = False
    # Viceroy hands over a body that broke off as one that ended; what is left of a list is none.
    faults = {**FAULTS, "reset": (503, "the list is refused"), "cut": (503, "the list is refused")}

    def served(self, environment: dict[str, str]):
        urls = environment.get("CCS_HTTP_URL", "").split(",")
        nodes = [f"node{number}" for number, _ in enumerate(urls)]
        # Viceroy itself takes no URL that is none.
        targets = [url if url.startswith("http://") else f"http://{HOST}:1" for url in urls]
        backends = dict(zip(nodes, targets))
        return self.configured({"CCS_HTTP_BACKENDS": ",".join(nodes), **environment}, backends=backends)

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        yield from super().outcomes(cases)
        with Upstream().running() as upstream:
            upstream.fault = "hung"
            with self.over(upstream, CCS_HTTP_TIMEOUT_MS="1") as address:
                found = [http.ask(address, get("/v1/modules"), seconds=5).status for _ in range(20)]
            yield extra("http-shortest-timeout", "the shortest timeout is one, and not none", [503] * 20), found
        with Upstream().running() as upstream:
            upstream.store = Store(documents=(b'{"uid":"a"}',))
            url = f"http://{HOST}:{upstream.port}"
            configuration = {
                "CCS_ACCESS": ANYBODY,
                "CCS_HTTP_URL": url,
                "CCS_HTTP_BACKENDS": "node1",
                "CCS_HTTP_USER": "ann",
                "CCS_HTTP_PASSWORD": "secret",
                "CCS_HTTP_TIMEOUT_MS": "5000",
            }
            yield from self.survived(configuration, backends={"node1": url})
            yield from self.backends(configuration, url)
            yield self.shipped(url)

    def backends(self, configuration: dict[str, str], url: str) -> Iterator[tuple[Case, object]]:
        """Backends that are not those of the nodes."""
        expected = "CCS_HTTP_BACKENDS: expected the name of a backend for each URL in CCS_HTTP_URL, comma separated, so 1"
        for name, about, backends, expect in [
            ("number", "the number of backends is that of the nodes", "node1,node1", failure(500, "store_failed", f"the store failed: {expected}")),
            (
                "unknown",
                "a backend that the service does not have is told",
                "other",
                failure(503, "store_unavailable", rf'the store is unavailable: {url}: the service has no backend \"other\"'),
            ),
        ]:
            with self.configured({**configuration, "CCS_HTTP_BACKENDS": backends}, backends={"node1": url}) as address:
                response = http.ask(address, get("/v1/modules"))
            yield extra(f"backends-{name}", about, expect), (response.status, response.body)

    def shipped(self, url: str) -> tuple[Case, object]:
        with tempfile.TemporaryDirectory() as folder:
            manifest = Path(folder, "fastly.toml")
            text = re.sub("^#(?! )", "", SHIPPED.read_text(), flags=re.MULTILINE)
            manifest.write_text(text.replace("https://node1.example:9443", url))
            Path(folder, "modules.json").write_bytes(b"[]")
            with self.manifest(manifest, CCS_HTTP_PASSWORD="secret") as address:
                body = http.ask(address, get("/v1/modules/a")).body
        return extra("shipped", "the shipped manifest serves a cluster", b'{"uid":"a"}\n'), body


RUNTIMES = [Fastly(), FastlyUpstream()]

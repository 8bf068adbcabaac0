"""Viceroy, the local runtime of Fastly Compute: the store is a value of its KV store."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import http
from harness.artifacts import WORKSPACE, artifact
from harness.cache import command, installed
from harness.cases import Case, Store
from harness.process import HOST, free_port, running
from harness.runtime import Runtime
from wasmtime_serve import ANYBODY, extra, failure, get

VERSION = "0.22.0"
SERVICE = "ccs_modules_fastly.wasm"


def viceroy() -> Path:
    """The command, built first if it is missing."""
    return installed(f"viceroy-{VERSION}", _install) / "bin/viceroy"


def _install(folder: Path) -> None:
    words = ["cargo", "install", "viceroy", "--version", VERSION, "--locked", "--root", folder]
    command(*words, cwd=folder)


class Fastly(Runtime):
    name = "fastly"

    def install(self) -> None:
        viceroy()

    def prepare(self) -> None:
        viceroy()
        artifact(SERVICE)

    def reason_to_skip(self, case: Case) -> str | None:
        if case.over_http and not case.request.target.isascii():
            return "the target has bytes that Viceroy does not let in"
        return super().reason_to_skip(case)

    def serve(self, store: Store, access: str | None):
        return self.configured(store.snapshot(), {"CCS_ACCESS": access} if access else {})

    @contextmanager
    def configured(self, value: bytes | None, configuration: dict[str, str] | None) -> Iterator[tuple[str, int]]:
        """Serves the content of the key `modules`, if any, with this config store, if any."""
        with tempfile.TemporaryDirectory() as folder:
            text = 'manifest_version = 3\nname = "ccs-modules"\nlanguage = "other"\n'
            if configuration is not None:
                text += '[local_server.config_stores.ccs-modules]\nformat = "inline-toml"\n'
                text += "[local_server.config_stores.ccs-modules.contents]\n"
                text += "".join(f"{name} = {json.dumps(it)}\n" for name, it in configuration.items())
            if value is not None:
                Path(folder, "modules.json").write_bytes(value)
                text += '[[local_server.kv_stores.ccs-modules]]\nkey = "modules"\n'
                text += f'file = "{folder}/modules.json"\n'
            Path(folder, "fastly.toml").write_text(text)
            with self.manifest(Path(folder, "fastly.toml")) as address:
                yield address

    @contextmanager
    def manifest(self, manifest: Path) -> Iterator[tuple[str, int]]:
        port = free_port()
        words = [viceroy(), "serve", artifact(SERVICE), "-C", manifest, "--addr", f"{HOST}:{port}"]
        with running(words, port, cwd=manifest.parent) as address:
            yield address

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        yield from super().outcomes(cases)
        for name, about, serving, expect in self.configurations():
            with serving as address:
                response = http.ask(address, get("/v1/modules"))
            yield extra(name, about, expect), (response.status, response.body)
        yield self.shipped()

    def configurations(self) -> list:
        """Services with one setting or fault each, and the expected answer."""
        unauthenticated = failure(401, "unauthenticated", "credentials are missing or wrong")
        missing = r'the store is unavailable: the key \"others\" is not in the KV store \"ccs-modules\"'
        return [
            ("no-configuration", "without a config store nobody is let in", self.configured(b"[]", None), unauthenticated),
            (
                "access-ill-formed",
                "a policy that is ill-formed serves nothing, and its error names the field alone",
                self.configured(b"[]", {"CCS_ACCESS": '{"anonymous":["secret"]}'}),
                failure(
                    500,
                    "misconfigured",
                    r"the access policy in CCS_ACCESS is ill-formed: anonymous[0]: there is no role \"secret\", "
                    "expected admin, cluster_member, cluster_viewer, db_member, db_viewer, user_manager, none",
                ),
            ),
            (
                "key-missing",
                "a key that is not there is a store that is not ready",
                self.configured(b"[]", {"CCS_ACCESS": ANYBODY, "CCS_KEYVALUE_KEY": "others"}),
                failure(503, "store_unavailable", missing),
            ),
            (
                "store-missing",
                "a store that is not there is not ready",
                self.configured(b"[]", {"CCS_ACCESS": ANYBODY, "CCS_KEYVALUE_STORE": "others"}),
                failure(503, "store_unavailable", r'the store is unavailable: there is no KV store \"others\"'),
            ),
            (
                "key-ill-formed",
                "a key that cannot be one is told",
                self.configured(b"[]", {"CCS_ACCESS": ANYBODY, "CCS_KEYVALUE_KEY": ""}),
                failure(503, "store_unavailable", r'the store is unavailable: \"\" is not a key of a KV store'),
            ),
            (
                "value-no-array",
                "a value that is no array of objects is told with its position",
                self.configured(b'[{"uid":"a"},\n {"uid":"b"} x]', {"CCS_ACCESS": ANYBODY}),
                failure(
                    500,
                    "store_failed",
                    "the store failed: the value is not a list of documents: line 2, column 14: expected `,` or `]`",
                ),
            ),
        ]

    def shipped(self) -> tuple[Case, object]:
        with tempfile.TemporaryDirectory() as folder:
            manifest = Path(folder, "fastly.toml")
            manifest.write_text((WORKSPACE / "adapters/fastly/fastly.toml").read_text())
            Path(folder, "modules.json").write_bytes(b'[{"uid":"a"}]')
            with self.manifest(manifest) as address:
                body = http.ask(address, get("/v1/modules")).body
        return extra("shipped", "the shipped manifest serves", b'[{"uid":"a"}]\n'), body


RUNTIMES = [Fastly()]

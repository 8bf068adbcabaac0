"""JavaScript: the package in `packages/js`, on Node, Deno, Bun and workerd, and in a browser."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path

from harness import batch, mirror, snapshot
from harness.artifacts import WORKSPACE, artifact, folder
from harness.cache import command, debian_package, installed
from harness.cases import ANYBODY, ROLES_HEADER, Case, Request, Store
from harness.process import ReservedPort, running
from harness.runtime import Runtime

PACKAGE = WORKSPACE / "packages/js"
PROGRAMS = Path(__file__).resolve().parent

DENO_ALLOWS = ["--allow-env", "--allow-net", "--allow-read"]

METHODS = {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}


class JavaScript(Runtime):
    """A JavaScript runtime."""

    def __init__(self, name: str, program: str, *arguments: str):
        self.name = name
        self.program = program
        self.arguments = arguments

    def install(self) -> None:
        tools()

    def prepare(self) -> None:
        package()

    def _words(self) -> list:
        found = next(tools().glob(self.program), self.program)
        return [found, *self.arguments]


class JavaScriptPlugin(JavaScript):
    """The plugin, called in one process with scripted stores."""

    def prepare(self) -> None:
        tools()

    def reason_to_skip(self, case: Case) -> str | None:
        if case.store.stalls:
            return "the store stalls, and a store of this program returns at once"
        if case.roles_by_access and case.access:
            return "an access policy, and a plugin gets the roles"
        return snapshot.NOT_HELD if snapshot.compares(case) else None

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        with tempfile.TemporaryDirectory() as component:
            Path(component, "package.json").write_text('{"type":"module"}')
            words = ["transpile", "--quiet", "--instantiation", "sync", "--name", "plugin"]
            plugin = artifact("ccs_modules_plugin.wasm")
            command(tools() / ".bin/jco", *words, "--out-dir", component, plugin)
            # As the package's build has it: a byte order mark is part of a text.
            code = Path(component, "plugin.js")
            decoder = "new TextDecoder('utf-8', { ignoreBOM: true })"
            code.write_text(code.read_text().replace("new TextDecoder()", decoder))
            yield from batch.outcomes([*self._words(), PROGRAMS / "plugin.mjs", component], cases)


class JavaScriptSnapshot(JavaScript):
    """The package's snapshots, called in one process."""

    def reason_to_skip(self, case: Case) -> str | None:
        return snapshot.reason_to_skip(case)

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        return batch.outcomes([*self._words(), PACKAGE / "test/snapshot_cases.js"], cases)


class JavaScriptFile(mirror.OfStore, JavaScript):
    """The package's command, which mirrors a JSON file. It does not start with a malformed one."""

    def reason_to_skip(self, case: Case) -> str | None:
        reason = super().reason_to_skip(case) or mirror.reason_to_skip(case)
        return reason or _refused_by_parsers(case.request)

    @contextmanager
    def serve(self, store: Store, access: str | None) -> Iterator[tuple[str, int]]:
        with _serving([*self._words(), PACKAGE / "dist/cli.js"], store, access) as address:
            yield address


class JavaScriptMirror(mirror.Mirrored, JavaScript):
    """The package's command, which mirrors an upstream."""

    def reason_to_skip(self, case: Case) -> str | None:
        return super().reason_to_skip(case) or _refused_by_parsers(case.request)

    def mirroring(self, url: str, access: str | None = ANYBODY):
        words = [*self._words(), PACKAGE / "dist/cli.js", "--upstream", url, "--refresh", "500ms"]
        names = {"REDIS_ENTERPRISE_USER": mirror.USER, "REDIS_ENTERPRISE_PASSWORD": mirror.PASSWORD}
        return _started(words, access, says=" at http", env={**os.environ, **names})


class Workerd(mirror.OfStore):
    """The package's ready worker in workerd, started by miniflare. It mirrors Workers KV."""

    name = "workerd"

    def install(self) -> None:
        tools()

    def prepare(self) -> None:
        package()

    def reason_to_skip(self, case: Case) -> str | None:
        if reason := super().reason_to_skip(case) or _refused_by_parsers(case.request):
            return reason
        if not case.request.target.startswith(b"/") or b"/." in case.request.target:
            return "a worker is given a parsed URL, and this target is none or does not survive that"
        headers = [(name.lower(), value) for name, value in case.request.headers]
        if [name for name, _ in headers].count(ROLES_HEADER) > 1:
            return "a worker is given a repeated header as one, joined"
        if ("accept", b"") in headers:
            return "a worker is not given an empty accept"
        return None

    @contextmanager
    def serve(self, store: Store, access: str | None) -> Iterator[tuple[str, int]]:
        words = ["node", PACKAGE / "test/miniflare.js"]
        with _serving(words, store, access, says="ready") as address:
            yield address


class WorkerdMirror(mirror.Mirrored, Workerd):
    """The package's ready worker, which mirrors an upstream."""

    name = "workerd-mirror"

    def mirroring(self, url: str, access: str | None = ANYBODY):
        words = ["node", PACKAGE / "test/miniflare.js", "--upstream", url]
        for binding in (
            f"CCS_HTTP_USER={mirror.USER}",
            f"CCS_HTTP_PASSWORD={mirror.PASSWORD}",
            "CCS_HTTP_REFRESH_MS=500",
        ):
            words += ["--binding", binding]
        return _started(words, access, says="ready")


class Browser(Runtime):
    """The package's page in Chromium: the cases are called in it, on its component."""

    name = "browser-snapshot"

    def install(self) -> None:
        tools()
        debian_package("chromium", "chromium")

    def prepare(self) -> None:
        package()
        page()

    def reason_to_skip(self, case: Case) -> str | None:
        return snapshot.reason_to_skip(case)

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        return batch.outcomes(["node", PACKAGE / "test/browser/cases.js"], cases)


class JcoServe(Runtime):
    """A component in `jco serve`, on Node."""

    component: str

    def install(self) -> None:
        tools()

    def reason_to_skip(self, case: Case) -> str | None:
        if reason := super().reason_to_skip(case):
            return reason
        if case.request.method not in METHODS or not case.request.target.isascii():
            return "Node answers such a request on its own"
        if any(not value.isascii() for _, value in case.request.headers):
            return "jco hands header fields over as text, and this one is not UTF-8"
        return None

    def jco_serve(self, environment: dict[str, str]) -> AbstractContextManager[tuple[str, int]]:
        """Serves the component in this environment."""
        port = ReservedPort()
        words = [tools() / ".bin/jco", "serve", "--port", port, artifact(self.component)]
        return running(words, port, env={**os.environ, **environment})


ENGINES = {
    "node": ["node"],
    "deno": ["@deno/*/deno", "run", *DENO_ALLOWS, "--quiet"],
    "bun": ["@oven/bun-*/bin/bun", "run"],
}

RUNTIMES = [
    *(JavaScriptFile(name, *words) for name, words in ENGINES.items()),
    *(JavaScriptSnapshot(f"{name}-snapshot", *words) for name, words in ENGINES.items()),
    *(JavaScriptMirror(f"{name}-mirror", *words) for name, words in ENGINES.items()),
    JavaScriptPlugin("node-plugin", "node"),
    Workerd(),
    WorkerdMirror(),
    Browser(),
]


def _refused_by_parsers(request: Request) -> str | None:
    """The reason to skip a request that a JavaScript server answers itself, without the package."""
    if request.method not in METHODS or not request.target.isascii() or request.target == b"*":
        return "the server's own parser refuses the request"
    return None


@contextmanager
def _serving(
    words: list, store: Store, access: str | None, says: str = ""
) -> Iterator[tuple[str, int]]:
    with tempfile.NamedTemporaryFile() as modules:
        modules.write(store.snapshot())
        modules.flush()
        with _started([*words, "--file", modules.name], access, says=says) as address:
            yield address


@contextmanager
def _started(words: list, access: str | None, **options) -> Iterator[tuple[str, int]]:
    """Runs a server that takes the options of the package's command."""
    with tempfile.NamedTemporaryFile() as policy:
        port = ReservedPort()
        words = [*words, "--port", port]
        if access:
            policy.write(access.encode())
            policy.flush()
            words += ["--access", policy.name]
        with running(words, port, **options) as address:
            yield address


@cache
def tools() -> Path:
    """The pinned tools: `node_modules`, kept in the cache and linked into the package."""
    lock = PACKAGE / "package-lock.json"
    name = f"js-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    modules = installed(name, _install_tools) / "node_modules"
    link = PACKAGE / "node_modules"
    if link.is_symlink() and link.readlink() != modules:
        link.unlink()
    if not link.exists():
        link.symlink_to(modules)
    return modules


def _install_tools(folder: Path) -> None:
    for file in (".npmrc", "package.json", "package-lock.json"):
        shutil.copy(PACKAGE / file, folder)
    # Not `npm ci`: it insists on the packages of all platforms, where a registry may lack some.
    command("npm", "install", "--no-save", cwd=folder)


@cache
def package() -> None:
    """Builds the package, compiles a typed program that uses it, and runs the package's tests."""
    tools()
    command("./build", folder(), cwd=PACKAGE)
    command("npm", "run", "check", cwd=PACKAGE)
    command("npm", "test", cwd=PACKAGE)


@cache
def page() -> None:
    """Runs the tests of the page in Chromium."""
    command("npm", "run", "test:browser", cwd=PACKAGE)

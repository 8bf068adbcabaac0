"""Python: the package in `packages/python`, installed from its wheel into an empty environment."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from harness import batch, mirror, snapshot
from harness.artifacts import WORKSPACE, folder
from harness.cache import command, environment as new_environment, installed
from harness.cases import ANYBODY, Case, Store
from harness.process import ReservedPort, running
from harness.runtime import Runtime

PACKAGE = WORKSPACE / "packages/python"
PROGRAMS = Path(__file__).resolve().parent

BUILD_TOOLS = ["build==1.6.1", "hatchling==1.33.0", "mypy==2.4.1"]
SERVERS = ["uvicorn==0.54.0", "gunicorn==27.0.1", "uvicorn-worker==0.4.0", "starlette==1.10.0"]
OLDEST = "wasmtime==42.0.0"
"""The oldest version that the package takes."""


class PythonSnapshot(Runtime):
    """The package's snapshots, called in one process."""

    name = "python-snapshot"

    def install(self) -> None:
        build_tools()

    def prepare(self) -> None:
        environment()

    def reason_to_skip(self, case: Case) -> str | None:
        return snapshot.reason_to_skip(case)

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        return batch.outcomes([environment(), PROGRAMS / "cases.py"], cases)


class Asgi(mirror.OfStore):
    """The package's ASGI application over a mirror of a file, under uvicorn."""

    name = "python-asgi"

    def install(self) -> None:
        build_tools()

    def prepare(self) -> None:
        environment()

    def reason_to_skip(self, case: Case) -> str | None:
        if reason := super().reason_to_skip(case):
            return reason
        if not case.request.target.isascii():
            return "the server's own parser refuses the request"
        return None

    @contextmanager
    def serve(self, store: Store, access: str | None) -> Iterator[tuple[str, int]]:
        with tempfile.NamedTemporaryFile() as modules:
            modules.write(store.snapshot())
            modules.flush()
            with _serving(["--file", modules.name], access) as address:
                yield address


class AsgiMirror(mirror.Mirrored, Asgi):
    """The package's ASGI application over a mirror of an upstream, under uvicorn."""

    name = "python-asgi-mirror"

    def mirroring(self, url: str, access: str | None = ANYBODY):
        return _serving(["--upstream", url], access)


RUNTIMES = [PythonSnapshot(), Asgi(), AsgiMirror()]


@contextmanager
def _serving(options: list, access: str | None) -> Iterator[tuple[str, int]]:
    with tempfile.NamedTemporaryFile() as policy:
        port = ReservedPort()
        words = [environment(), PROGRAMS / "serve.py", "--port", port, *options]
        if access:
            policy.write(access.encode())
            policy.flush()
            words += ["--access", policy.name]
        names = {"REDIS_ENTERPRISE_USER": mirror.USER, "REDIS_ENTERPRISE_PASSWORD": mirror.PASSWORD}
        with running(words, port, env={**os.environ, **names}) as address:
            yield address


def build_tools() -> Path:
    """The Python of an environment that builds the package."""
    name = f"python-{'-'.join(BUILD_TOOLS).replace('==', '-')}"
    return installed(name, lambda folder: new_environment(folder, *BUILD_TOOLS)) / "bin/python"


@cache
def environment() -> Path:
    """The Python of an empty environment into which the package and servers are installed.

    The package's own tests have passed there, also with the oldest wasmtime, and its types have been
    checked.
    """
    _temporary.append(tempfile.TemporaryDirectory())
    temporary = Path(_temporary[-1].name)
    artifacts = {**os.environ, "CCS_MODULES_ARTIFACTS": str(folder())}
    command(
        build_tools(), "-m", "build", "--no-isolation", "--outdir", temporary, PACKAGE, env=artifacts
    )
    (wheel,) = temporary.glob("*.whl")
    new_environment(temporary / "oldest", wheel, OLDEST)
    new_environment(temporary / "environment", wheel, *SERVERS)
    python = temporary / "environment/bin/python"
    types = ["-m", "mypy", "--strict", "--python-executable", python, PACKAGE / "src"]
    command(build_tools(), *types, cwd=temporary)
    for each in (temporary / "oldest/bin/python", python):
        command(each, "-m", "unittest", "discover", "--start-directory", PACKAGE / "tests", cwd=temporary)
    return python


_temporary: list[tempfile.TemporaryDirectory] = []

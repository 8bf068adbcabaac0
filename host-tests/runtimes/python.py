"""Python: the plugin in `wasmtime` from PyPI, by the package in `packages/python`."""

import sys
from collections.abc import Iterator
from pathlib import Path

from harness import batch
from harness.artifacts import WORKSPACE, artifact
from harness.cache import command, installed
from harness.cases import Case
from harness.runtime import Runtime

WASMTIME = "50.0.1"
PACKAGE = WORKSPACE / "packages/python"
CASES = Path(__file__).resolve().parent / "python/cases.py"


class Python(Runtime):
    """Calls the plugin in one process, with scripted stores. Serves nothing."""

    name = "python"

    def install(self) -> None:
        interpreter()

    def reason_to_skip(self, case: Case) -> str | None:
        if case.store.stalls:
            return "the store stalls, and time-outs are the store's own here"
        if case.roles_by_access and case.access:
            return "an access policy, and this host is told the roles"
        return None

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        component = artifact("ccs_modules_plugin.wasm")
        python = ["env", f"PYTHONPATH={PACKAGE}", interpreter()]
        return batch.outcomes([*python, CASES, component], cases)


RUNTIMES = [Python()]


def interpreter() -> Path:
    """The Python of an environment that has `wasmtime`."""
    return installed(f"python-wasmtime-{WASMTIME}", _install) / "bin/python"


def _install(folder: Path) -> None:
    command(sys.executable, "-m", "venv", folder)
    command(folder / "bin/python", "-m", "pip", "install", "--quiet", f"wasmtime=={WASMTIME}")

"""The artifacts under test, and the command that writes them."""

import os
from functools import cache
from pathlib import Path

from harness.cache import command

WORKSPACE = Path(__file__).resolve().parents[3]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or WORKSPACE / "target")


@cache
def program() -> Path:
    """The command `ccs-modules`, built first if it is not up to date."""
    command("cargo", "build", "--locked", "--bin", "ccs-modules", cwd=WORKSPACE)
    return TARGET / "debug/ccs-modules"


def artifact(name: str) -> Path:
    """The file of an artifact, such as `ccs_modules_plugin.wasm`."""
    file = folder() / name
    if not file.is_file():
        raise FileNotFoundError(f"there is no artifact {file}")
    return file


@cache
def folder() -> Path:
    """The folder of the artifacts: freshly written, or the one that `CCS_MODULES_ARTIFACTS` names."""
    if given := os.environ.get("CCS_MODULES_ARTIFACTS"):
        return Path(given).resolve()
    written = TARGET / "runtimes/artifacts"
    command(program(), "artifacts", written)
    return written.resolve()


def built(package: str) -> Path:
    """A component of the workspace that is not an artifact, freshly built."""
    target = "wasm32-unknown-unknown"
    words = ["--locked", "--release", "--package", package, "--target", target]
    command("cargo", "build", *words, cwd=WORKSPACE)
    return TARGET / target / "release" / f"{package.replace('-', '_')}.wasm"


def composed(front: Path, back: Path, component: Path) -> None:
    """Composes two components by the command, and writes the result."""
    command(program(), "compose", front, back, "-o", component)

"""The artifacts under test."""

import os
import subprocess
from functools import cache
from pathlib import Path

WORKSPACE = Path(__file__).resolve().parents[3]


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
    written = Path(os.environ.get("CARGO_TARGET_DIR") or WORKSPACE / "target") / "runtimes/artifacts"
    command = ["cargo", "run", "--quiet", "--locked", "--", "artifacts", str(written)]
    subprocess.run(command, cwd=WORKSPACE, check=True, stdout=subprocess.DEVNULL)
    return written.resolve()


def built(package: str) -> Path:
    """A component of the workspace that is not an artifact, freshly built."""
    target = "wasm32-unknown-unknown"
    words = ["cargo", "build", "--quiet", "--locked", "--release", "--package", package, "--target", target]
    subprocess.run(words, cwd=WORKSPACE, check=True)
    output = Path(os.environ.get("CARGO_TARGET_DIR") or WORKSPACE / "target")
    return output / target / "release" / f"{package.replace('-', '_')}.wasm"


def composed(front: Path, back: Path, component: Path) -> None:
    """Composes two components by the command, and writes the result."""
    command = ["cargo", "run", "--quiet", "--locked", "--", "compose", front, back, "-o", component]
    subprocess.run([str(word) for word in command], cwd=WORKSPACE, check=True, stdout=subprocess.DEVNULL)

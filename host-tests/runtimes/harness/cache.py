"""The cache of installed runtimes: one folder for each name and version."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(os.environ.get("CCS_MODULES_RUNTIMES") or Path.home() / ".cache/ccs-modules-runtimes")


def installed(name: str, install: Callable[[Path], object]) -> Path:
    """The folder `name`, such as `wasmtime-48.0.8`. If it is missing, `install` fills it."""
    folder = FOLDER / name
    if not folder.is_dir():
        print(f"installing {name}", flush=True)
        partial = FOLDER / f"{name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        install(partial)
        partial.rename(folder)
    return folder


def debian_package(package: str, program: str) -> None:
    """Installs a Debian package if its program is missing."""
    if shutil.which(program):
        return
    print(f"installing {package}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command("apt-get", "update", "-qq", env=environment)
    command("apt-get", "install", "-y", "-qq", "--no-install-recommends", package, env=environment)


def command(*words: object, **options) -> None:
    """Runs a command to its end. Its output is shown only if it fails."""
    done = subprocess.run(
        [str(word) for word in words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **options,
    )
    if done.returncode:
        output = done.stdout.decode(errors="replace")[-4000:]
        raise RuntimeError(f"{' '.join(map(str, words))} failed:\n{output}")

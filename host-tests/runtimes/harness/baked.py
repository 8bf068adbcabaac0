"""Catalogs baked into the HTTP service by the command `bake`."""

import hashlib
import subprocess
from functools import cache
from pathlib import Path

from harness.artifacts import folder, program
from harness.cases import Store


@cache
def baked(store: Store, wasi: str = "0.2") -> Path | None:
    """The component with the store's catalog; None if `bake` refuses the catalog as malformed."""
    body = store.snapshot()
    digest = hashlib.sha256(body).hexdigest()[:16]
    component = folder().parent / f"baked/{digest}-{wasi}.wasm"
    component.parent.mkdir(parents=True, exist_ok=True)
    catalog = component.with_suffix(".json")
    catalog.write_bytes(body)
    words = [program(), "bake", catalog, "-o", component, "--wasi", wasi]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode == 1 and done.stderr.startswith(f"error: {catalog}: "):
        return None
    if done.returncode:
        raise RuntimeError(f"cannot bake: {done.stderr[-4000:]}")
    return component

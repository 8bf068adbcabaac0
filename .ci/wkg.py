"""wkg, which makes the WIT package, and gets packages by their names."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "host-tests/runtimes"))
from harness.cache import from_crate  # noqa: E402


def wkg() -> Path:
    """The program, which is compiled if it is missing."""
    return from_crate("wkg", "0.16.1")

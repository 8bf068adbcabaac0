"""Copies the component into the package before it is built.

The variable `CCS_MODULES_ARTIFACTS` names the folder of the artifacts. A source distribution has
the component in it already.
"""

import os
import shutil
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPONENT = "ccs_modules_standalone.wasm"


class CopyComponent(BuildHookInterface):
    """The build hook."""

    def initialize(self, version: str, build_data: dict) -> None:
        packaged = Path(self.root, "src/ccs_modules", COMPONENT)
        if artifacts := os.environ.get("CCS_MODULES_ARTIFACTS"):
            shutil.copyfile(Path(artifacts, COMPONENT), packaged)
        if not packaged.is_file():
            raise FileNotFoundError(
                f"no {COMPONENT}: set CCS_MODULES_ARTIFACTS to the folder of the artifacts"
            )

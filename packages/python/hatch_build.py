"""Copies the components into the package before it is built.

The variable `CCS_MODULES_ARTIFACTS` names the folder of the artifacts. A source distribution has
the components in it already.
"""

import os
import shutil
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPONENTS = ["ccs_modules_plugin.wasm", "ccs_modules_standalone.wasm"]


class CopyComponents(BuildHookInterface):
    """The build hook."""

    def initialize(self, version: str, build_data: dict) -> None:
        package = Path(self.root, "src/ccs_modules")
        for component in COMPONENTS:
            if artifacts := os.environ.get("CCS_MODULES_ARTIFACTS"):
                shutil.copyfile(Path(artifacts, component), package / component)
            if not package.joinpath(component).is_file():
                raise FileNotFoundError(
                    f"no {component}: set CCS_MODULES_ARTIFACTS to the folder of the artifacts"
                )

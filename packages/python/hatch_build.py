"""Takes the component into what is built.

The variable `CCS_MODULES_ARTIFACTS` names the folder of the artifacts. A source distribution has
the component in it already.
"""

import os
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPONENT = "ccs_modules_standalone.wasm"


class AddComponent(BuildHookInterface):
    """The build hook."""

    def initialize(self, version: str, build_data: dict) -> None:
        component = Path(os.environ.get("CCS_MODULES_ARTIFACTS", self.root), COMPONENT)
        if not component.is_file():
            raise FileNotFoundError(
                f"no {COMPONENT}: set CCS_MODULES_ARTIFACTS to the folder of the artifacts"
            )
        target = COMPONENT if self.target_name == "sdist" else f"ccs_modules/{COMPONENT}"
        build_data["force_include"][str(component)] = target

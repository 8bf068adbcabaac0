"""Takes the component and the OpenAPI document of the API into what is built.

The variable `CCS_MODULES_ARTIFACTS` names the folder of the artifacts. A source distribution has
both files in it already.
"""

import os
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPONENT = "ccs_modules_standalone.wasm"
DOCUMENT = "openapi.json"


class AddComponent(BuildHookInterface):
    """The build hook."""

    def initialize(self, version: str, build_data: dict) -> None:
        component = Path(os.environ.get("CCS_MODULES_ARTIFACTS", self.root), COMPONENT)
        if not component.is_file():
            raise FileNotFoundError(
                f"no {COMPONENT}: set CCS_MODULES_ARTIFACTS to the folder of the artifacts"
            )
        inside = Path(self.root, DOCUMENT)
        document = inside if inside.is_file() else Path(self.root, "../../docs", DOCUMENT)
        folder = "" if self.target_name == "sdist" else "ccs_modules/"
        for file in component, document:
            build_data["force_include"][str(file)] = folder + file.name

"""The parts that the tests of all runtimes share: cases, an HTTP client, processes, artifacts,
cache."""

import os

LONG = "CCS_MODULES_LONG" in os.environ
"""Whether the checks that seldom find anything run in their long form."""

"""The package as its users see it: typed, documented, and over the public part of wasmtime."""

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import unittest
from importlib import metadata, resources

import ccs_modules

MODULES = [
    importlib.import_module(f"ccs_modules.{module.name}")
    for module in pkgutil.iter_modules(ccs_modules.__path__)
]


FORKING = """
import os, signal
from ccs_modules import Snapshot, _component

Snapshot.parse("[]")
if os.fork() == 0:
    signal.alarm(30)
    # As if only another component had been compiled before.
    _component._standalone.cache_clear()
    os._exit(len(Snapshot.parse('[{"uid":"a"}]')))
os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


FORKING_WHILE_OTHERS_CALL = """
import os, signal, threading
from ccs_modules import Snapshot

snapshot = Snapshot.from_documents(f'{{"uid":"{at}"}}' for at in range(3000))

def ask():
    while True:
        snapshot.handle("GET", "/v1/modules", [], ["db_viewer"])

threading.Thread(target=ask, daemon=True).start()
for _ in range(50):
    if os.fork() == 0:
        signal.alarm(30)
        os._exit(len(snapshot) != 3000)
    if os.wait()[1] != 0:
        os._exit(1)
os._exit(0)
"""

FORKING_WITH_A_MIRROR = """
import logging, os, signal
from ccs_modules import Mirror

logging.basicConfig(format="%(message)s")
asked = []
mirror = Mirror({"refresh_ms": 60000}, store=lambda known: asked.append(known) or "[]")
mirror.start()
if os.fork() == 0:
    signal.alarm(30)
    for _ in range(2):
        mirror.list_modules(["db_viewer"])
    mirror.start()
    mirror.refresh()
    mirror.stop()
    os._exit(0)
mirror.list_modules(["db_viewer"])
os._exit(os.wait()[1] != 0)
"""


class Package(unittest.TestCase):
    def test_it_works_after_a_fork(self):
        self.assertEqual(subprocess.run([sys.executable, "-c", FORKING]).returncode, 1)

    def test_it_works_after_a_fork_during_a_call(self):
        self.assertEqual(subprocess.run([sys.executable, "-c", FORKING_WHILE_OTHERS_CALL]).returncode, 0)

    def test_a_mirror_that_was_started_before_a_fork_logs_that_in_the_child_once(self):
        words = [sys.executable, "-W", "ignore", "-c", FORKING_WITH_A_MIRROR]
        run = subprocess.run(words, capture_output=True, text=True)
        expected = "the mirror was started before a fork, and is not refreshed in this process: start it here"
        self.assertEqual((run.returncode, run.stderr), (0, f"{expected}\n"))

    def test_it_is_typed_and_has_its_component(self):
        names = {file.name for file in resources.files("ccs_modules").iterdir()}
        expected = {"py.typed", "ccs_modules_standalone.wasm", "openapi.json"}
        self.assertLessEqual(expected, names)

    def test_it_says_which_wasmtime_it_needs(self):
        (wasmtime,) = metadata.requires("ccs-modules")
        self.assertRegex(wasmtime, r"^wasmtime<\d+,>=42$")

    def test_nothing_private_of_wasmtime_is_used(self):
        for module in MODULES:
            source = inspect.getsource(module)
            self.assertNotRegex(source, r"(from|import) wasmtime\S*\._|wasmtime\.(\w+\.)*_", module.__name__)

    def test_everything_public_is_documented(self):
        undocumented = [
            f"{name}.{member}" if member else name
            for name in ccs_modules.__all__
            for member, value in [("", getattr(ccs_modules, name)), *members(getattr(ccs_modules, name))]
            if not inspect.getdoc(value) or re.fullmatch(rf"{name}\(.*\)", inspect.getdoc(value))
        ]
        self.assertEqual(undocumented, [])


def members(of):
    """The public functions and properties of a class."""
    functions = inspect.getmembers(of, lambda value: inspect.isfunction(value) or isinstance(value, property))
    return [(name, value) for name, value in functions if not name.startswith("_")]

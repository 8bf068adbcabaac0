"""The ASGI application under servers, started as users start them."""

import re
import subprocess
import sys
import tempfile
import unittest
import urllib.request
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

PROGRAM = """
from starlette.applications import Starlette
from starlette.routing import Mount

from ccs_modules import Mirror, Policy, Snapshot
from ccs_modules.asgi import Application

Snapshot.parse("[]")  # In the process that loads the program, the component has been compiled.
mirror = Mirror({}, store=lambda known: '[{"uid":"a"}]')
application = Application(mirror, Policy('{"anonymous":["db_viewer"]}'))
mounted = Starlette(routes=[Mount("/redis", app=application)])
"""

GUNICORN = ["gunicorn", "--preload", "--workers", "2", "--bind", "127.0.0.1:0", "--worker-class"]
SERVERS = [
    ["uvicorn", "--port", "0", "program:mounted"],
    [*GUNICORN, "asgi", "program:application"],
    [*GUNICORN, "uvicorn_worker.UvicornWorker", "program:mounted"],
]


@unittest.skipUnless(find_spec("gunicorn"), "the servers are not installed")
class Servers(unittest.TestCase):
    def test_they_answer(self):
        for words in SERVERS:
            path = "/redis/v1/modules" if "program:mounted" in words else "/v1/modules"
            with self.subTest(words), serving(words) as url:
                for _ in range(4):
                    with urllib.request.urlopen(url + path, timeout=20) as response:
                        self.assertEqual(response.read(), b'[{"uid":"a"}]\n')


@contextmanager
def serving(words):
    """Runs a server in a folder with the program, and gives its URL."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "program.py").write_text(PROGRAM)
        output = {"stderr": subprocess.STDOUT, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen([sys.executable, "-m", *words], cwd=folder, **output) as server:
            try:
                lines = []
                while not (found := re.search(r"http://127\.0\.0\.1:\d+", "".join(lines[-1:]))):
                    lines.append(server.stdout.readline())
                    if not lines[-1]:
                        raise RuntimeError("".join(lines))
                yield found[0]
            finally:
                server.terminate()
                server.communicate()

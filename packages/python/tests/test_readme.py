"""The Python programs of README.md, each run in a folder with a `modules.json`."""

import contextlib
import io
import re
import tempfile
import unittest
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"


class Programs(unittest.TestCase):
    def test_they_run(self):
        first, *others = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            Path("modules.json").write_text('[{"module_name":"bf","uid":"a"}]')
            self.assertEqual(printed(first), "a bf\n")
            # The other programs go on from a snapshot.
            begin = "from ccs_modules import Snapshot; snapshot = Snapshot.parse('[]')"
            printed("\n".join([begin, *others]))


def printed(program):
    """Runs a program, and returns what it prints."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(program, {})
    return output.getvalue()

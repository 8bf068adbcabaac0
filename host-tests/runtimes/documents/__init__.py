"""The commands of the documents, each run as it is printed.

A block of commands whose previous line is `<!-- not run: REASON -->` is left out.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import js
import redis_enterprise
from documents.files import write_files
from harness import redis
from harness.artifacts import WORKSPACE, folder, program
from harness.cases import Case, extra
from harness.runtime import Runtime
from harness.wasmtime import wasmtime

BLOCK = re.compile(r"(?:<!-- not run: ([^\n]*) -->\n)?```sh\n(.*?)```", re.DOTALL)
WORLD = Path(__file__).with_name("world.py")


@dataclass(frozen=True)
class Block:
    """A block of commands in a document."""

    place: str
    """The document and the line."""
    text: str
    not_run: str | None
    """The reason why it is not run here; None if it is run."""


class Documents(Runtime):
    """Each block is a case. It passes if each of its commands ends well, or serves the catalog."""

    name = "documents"

    def install(self) -> None:
        js.tools()
        redis.install()
        redis_enterprise.redisctl()
        wasmtime()

    def prepare(self) -> None:
        js.package()
        # The examples are built before they run where there is no network.
        for example in ("embed", "axum-service"):
            words = ["cargo", "build", "--locked", "--package", f"ccs-modules-example-{example}"]
            subprocess.run(words, cwd=WORKSPACE, check=True, capture_output=True)

    def reason_to_skip(self, case: Case) -> str | None:
        return "a document has its own commands"

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        with tempfile.TemporaryDirectory() as files:
            write_files(Path(files))
            for block in blocks():
                if block.not_run:
                    print(f"  {block.place} is not run: {block.not_run}")
                else:
                    first = block.text.partition("\n")[0]
                    yield extra(block.place, first, []), failures(block, files)


RUNTIMES = [Documents()]


def blocks() -> Iterator[Block]:
    """The blocks of commands of every document. A block begins with the exports of those before it."""
    documents = subprocess.check_output(["git", "ls-files", "*.md"], cwd=WORKSPACE, text=True)
    for document in documents.split():
        text = (WORKSPACE / document).read_text()
        exports = ""
        for block in BLOCK.finditer(text):
            not_run, commands = block.groups()
            line = text.count("\n", 0, block.start(2)) + 1
            yield Block(f"{document}:{line}", exports + commands, not_run)
            exports += "".join(re.findall(r"^export .*\n", commands, re.MULTILINE))


def failures(block: Block, files: str) -> list[str]:
    """The commands of a block that fail, in a network and over a file system of their own."""
    paths = [program().parent, wasmtime().parent, redis_enterprise.redisctl().parent]
    paths += [next(js.tools().glob(pattern)).parent for pattern in ("@deno/*/deno", "@oven/bun-*/bin/bun")]
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([*map(str, paths), os.environ["PATH"]]),
        "CARGO_NET_OFFLINE": "true",
        "SSL_CERT_FILE": "ca.pem",
        "NODE_EXTRA_CA_CERTS": "ca.pem",
    }
    apart = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    done = subprocess.run(
        [*apart, sys.executable, WORLD, WORKSPACE, files, folder()],
        input=block.text,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    return json.loads(done.stdout) if done.returncode == 0 else [done.stderr[-2000:]]

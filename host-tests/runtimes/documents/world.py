"""Runs the commands of standard input in a network and over a file system that are this process's own.

So the ports and names of the documents are free, and nothing that a command writes stays. Arguments:
the root of the repository, the folder of the documents' files, and the folder of the artifacts. Prints the
commands that failed, as a JSON array of texts.
"""

import base64
import fcntl
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

SECONDS = 120
"""The time within which a command ends or serves."""

HEADERS = {
    "authorization": "Basic " + base64.b64encode("ann:…".encode()).decode(),
    "x-roles": "db_viewer",
}
"""A caller whom every policy of the documents lets in."""


def main() -> None:
    root, files, artifacts = map(Path, sys.argv[1:])
    commands = split(sys.stdin.read())
    make_network()
    make_file_system(root, files, artifacts)

    text = "\n".join(commands)
    neighbours = []
    if "redis://" in text or "REDIS_ADDRESS" in text:
        neighbours.append(start("redis-server --save ''", 6379))
        finish("ccs-modules load modules.json --into redis://127.0.0.1:6379")
    if "node1" in text:
        words = "ccs-modules serve --store new.json --access access.json"
        neighbours.append(start(f"{words} --listen 0.0.0.0:9443 --tls-cert cert.pem --tls-key key.pem", 9443))
    if "http://127.0.0.1:8080" in text:
        words = "ccs-modules serve --store modules.json --access access.json"
        neighbours.append(start(f"{words} --listen 127.0.0.1:8080", 8080))
    if "https://localhost:8080" in text:
        words = "ccs-modules serve --access subjects.json --client-ca clients.pem"
        neighbours.append(start(f"{words} --tls-cert cert.pem --tls-key key.pem", 8080))

    failures = [failure for command in commands if (failure := run(command))]
    for neighbour in neighbours:
        end(neighbour)
    print(json.dumps(failures))


def split(text: str) -> list[str]:
    """The commands of a text. Each begins with the exports before it."""
    commands, exports = [], ""
    for command in text.replace("\\\n", "").splitlines():
        if command.startswith("export "):
            exports += command + "\n"
        elif command.strip():
            commands.append(exports + command)
    return commands


def make_network() -> None:
    """Brings up the loopback device, and gives its addresses to the nodes of the documents."""
    up_and_running = 0x1 | 0x40
    with socket.socket() as any_socket:
        set_flags = 0x8914
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh", b"lo", up_and_running))
    hosts = Path(tempfile.mkdtemp(), "hosts")
    hosts.write_text("127.0.0.1 localhost node1 node2\n")
    subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)


def make_file_system(root: Path, files: Path, artifacts: Path) -> None:
    """Makes `root` the current folder. What is written there goes to memory, and is gone in the end."""
    memory = tempfile.mkdtemp()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", memory], check=True)
    Path(memory, "upper").mkdir()
    Path(memory, "work").mkdir()
    options = f"lowerdir={root},upperdir={memory}/upper,workdir={memory}/work"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, root], check=True)

    os.chdir(root)
    for file in [*files.iterdir(), *artifacts.glob("*.wasm")]:
        shutil.copy(file, root)
    shutil.copy(artifacts / "ccs_modules_wasi_http_p3_baked.wasm", "your_service.wasm")
    # As npm installs the package.
    installed = root / "node_modules"
    (installed / ".bin").mkdir(parents=True)
    (installed / "ccs-modules").symlink_to(root / "packages/js")
    (root / "packages/js/dist/cli.js").chmod(0o755)
    (installed / ".bin/ccs-modules").symlink_to("../ccs-modules/dist/cli.js")


def run(command: str) -> str | None:
    """Runs a command until it ends or serves the catalog. Returns how it failed."""
    expected = re.search(r"the exit code is (\d)", command)
    before = listening()
    output = tempfile.TemporaryFile()
    process = spawn(command, output)
    last = "it did not listen"

    deadline = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        for port in listening() - before:
            last = asked(port)
            if last == "200" or (last == "401" and "access" not in command.lower()):
                end(process)
                return None
        time.sleep(0.1)

    if process.poll() == int(expected[1] if expected else 0):
        return None
    end(process)
    output.seek(0)
    text = output.read().decode(errors="replace")[-1000:]
    return f"{command}\nexit code {process.returncode}, last answer: {last}\n{text}"


def listening() -> set[int]:
    """The ports on which something listens."""
    listens = "0A"
    lines = [line.split() for table in ("tcp", "tcp6") for line in open(f"/proc/net/{table}")]
    return {int(line[1].rpartition(":")[2], 16) for line in lines if line[3] == listens}


def asked(port: int) -> str:
    """The status of the list at a port, or the reason for its absence."""
    trusting = ssl._create_unverified_context()
    for scheme in ("https", "http"):
        request = urllib.request.Request(f"{scheme}://127.0.0.1:{port}/v1/modules", headers=HEADERS)
        try:
            return str(urllib.request.urlopen(request, timeout=10, context=trusting).status)
        except urllib.error.HTTPError as error:
            return str(error.code)
        except (OSError, http.client.HTTPException) as error:
            last = str(error)
    return last


def finish(command: str) -> None:
    subprocess.run(["bash", "-c", command], check=True, capture_output=True)


def start(command: str, port: int) -> subprocess.Popen:
    """Starts a server that the documents take for granted."""
    process = spawn(command, subprocess.DEVNULL)
    while port not in listening():
        time.sleep(0.05)
    return process


def spawn(command: str, output) -> subprocess.Popen:
    words = ["bash", "-c", command]
    options = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": subprocess.STDOUT}
    return subprocess.Popen(words, start_new_session=True, **options)


def end(process: subprocess.Popen) -> None:
    """Ends a command with all that it started."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, kind)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)


main()

"""Processes: started on a free port, awaited, and stopped with their children."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress

HOST = "127.0.0.1"


def free_port() -> int:
    """A free port."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


@contextmanager
def running(
    command: list, port: int, *, says: str = "", seconds: float = 60, output=None, **options
) -> Iterator[tuple[str, int]]:
    """Runs a server until the block ends.

    The block begins once `port` accepts connections and the server has printed `says`. Its output
    goes to the open file `output`, if there is one. The options are those of `subprocess.Popen`,
    such as `cwd` and `env`.
    """
    with nullcontext(output) if output else tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            **options,
        )
        try:
            _wait(process, port, says, seconds, output)
            yield HOST, port
        finally:
            _stop(process)


def _wait(process: subprocess.Popen, port: int, says: str, seconds: float, output) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args[0]} ended at once:\n{_output(output)}")
        if says in _output(output) and _accepts(port):
            return
        time.sleep(0.01)
    raise RuntimeError(f"{process.args[0]} does not get ready:\n{_output(output)}")


def _stop(process: subprocess.Popen) -> None:
    """Ends the process group: first asks the process to end, then kills the rest."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _accepts(port: int) -> bool:
    with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


def _output(output, size: int = 4000) -> str:
    """The end of the output. It is read without moving the file position, which the process shares."""
    end = os.fstat(output.fileno()).st_size
    return os.pread(output.fileno(), size, max(0, end - size)).decode(errors="replace")

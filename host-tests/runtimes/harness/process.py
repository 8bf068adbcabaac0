"""Processes: started on a port of their own, awaited, and stopped with their children."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress

HOST = "127.0.0.1"


class ReservedPort(int):
    """A port that Linux gives to no other program while this object lives.

    A socket is bound to the port and does not listen. A server can listen on the port all the same,
    since both set SO_REUSEADDR. Without a server, connections are refused.

    Python connects to `int(port)` and to no subclass of it: `connected` does that.
    """

    def __new__(cls) -> "ReservedPort":
        reservation = socket.socket()
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reservation.bind((HOST, 0))
        port = super().__new__(cls, reservation.getsockname()[1])
        port._reservation = reservation
        return port


def connected(address: tuple[str, int], seconds: float = 30) -> socket.socket:
    """A new connection."""
    host, port = address
    return socket.create_connection((host, int(port)), timeout=seconds)


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


def log_lines(output) -> list[bytes]:
    """The lines of the service in the output of its host."""
    output.seek(0)
    lines = [line for line in output.readlines() if b"ccs-modules: " in line]
    return [line[line.index(b"ccs-modules: ") :] for line in lines]


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
    with suppress(OSError), connected((HOST, port), 1):
        return True
    return False


def _output(output, size: int = 4000) -> str:
    """The end of the output. It is read without moving the file position, which the process shares."""
    end = os.fstat(output.fileno()).st_size
    return os.pread(output.fileno(), size, max(0, end - size)).decode(errors="replace")

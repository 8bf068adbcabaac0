"""A real Redis, on a port of its own and with its own password."""

import os
import secrets
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.cache import debian_package
from harness.process import HOST, ReservedPort, connected, running


def install() -> None:
    """Installs the distribution's Redis if it is missing, and the locales that a test of its order
    compiles."""
    debian_package("redis-server", "redis-server")
    debian_package("locales", "locale-gen")


class Redis:
    """The address and password of a Redis, which `running` runs. Its data is lost when it ends."""

    def __init__(self):
        self.port = ReservedPort()
        self.address = f"{HOST}:{self.port}"
        self.password = secrets.token_hex(16)

    @contextmanager
    def running(self) -> Iterator["Redis"]:
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder, "redis.conf")
            config.write_text(
                f'bind {HOST}\nport {self.port}\ndir {folder}\nsave ""\nrequirepass {self.password}\n'
            )
            with running(["redis-server", config], self.port):
                yield self

    def fill(self, key: str, fields: dict[bytes, bytes]) -> None:
        """Replaces the key by a hash of these fields."""
        self.command(b"DEL", key.encode())
        for field, value in fields.items():
            self.command(b"HSET", key.encode(), field, value)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Lets Redis accept connections without answering."""
        info = self.command(b"INFO", b"server")
        (pid,) = [int(line[11:]) for line in info.split(b"\r\n") if line.startswith(b"process_id:")]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def command(self, *words: bytes) -> bytes:
        """Runs one command. Returns the text of a bulk reply, or the first line of another reply."""
        with connected((HOST, self.port)) as connection:
            connection.sendall(_encoded(b"AUTH", self.password.encode()) + _encoded(*words))
            with connection.makefile("rb") as replies:
                for reply in (replies.readline(), replies.readline()):
                    if reply.startswith(b"-") or not reply:
                        raise RuntimeError(f"{words[0].decode()} failed: {reply.decode()}")
                return replies.read(int(reply[1:])) if reply.startswith(b"$") else reply


def _encoded(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(it), it) for it in words)

"""The upstream: an HTTP server in a thread that serves a case's store, or misbehaves by path."""

import asyncio
import json
import posixpath
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import unquote_to_bytes

from harness.cases import Store
from harness.process import HOST, ReservedPort

MIB = 1 << 20
MISSING = b'{"description":"there is no such module","error_code":"module_not_exist"}'
ENDED = ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError


class Upstream:
    """`/v1/modules` and `/v1/modules/{uid}` are the store's. On other paths the server misbehaves;
    each fault is a method with the name of its path."""

    def __init__(self, tls: ssl.SSLContext | None = None, port: int | None = None) -> None:
        self.store = Store()
        self.asked: list[bytes] = []
        """The paths of all requests."""
        self.requests: list[bytes] = []
        """The requests, each with its header fields."""
        self.held = 0
        """The number of requests for `/held_back` that wait now."""
        self.fault: str | None = None
        """The fault of the whole server: the name of a faulty path. None for no fault."""
        self.failures = 0
        """The number of requests for `/flaky` that are still to be answered 503."""
        self.decodes = False
        """Whether the server takes every spelling of a path for the path: it resolves escapes, also twice,
        and leaves out parameters and what follows a NUL."""
        self.role_of: Callable[[bytes], str | None] | None = None
        """The role of whoever sends this header field `authorization`; None is a 401. Without it anybody is let in."""
        self._released = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._tls = tls
        self.port = ReservedPort() if port is None else port

    def release(self) -> None:
        """Answers the requests that wait in `/held_back`, and all later ones."""
        self._loop.call_soon_threadsafe(self._released.set)

    def hold(self) -> None:
        """Lets requests for `/held_back` wait from now on."""
        self._loop.call_soon_threadsafe(self._released.clear)

    @contextmanager
    def running(self) -> Iterator["Upstream"]:
        listener = socket.create_server((HOST, self.port), backlog=2048)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        server = asyncio.start_server(self._connection, sock=listener, ssl=self._tls)
        self._server = asyncio.run_coroutine_threadsafe(server, self._loop).result(10)
        try:
            yield self
        finally:
            self.stop()

    def stop(self) -> None:
        """Ends the server and its connections."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connection(self, reader, writer) -> None:
        with suppress(*ENDED):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if b"transfer-encoding: chunked" in head:
                    await reader.readuntil(b"0\r\n\r\n")  # Envoy's second try has an empty body.
                path = head.split(b" ", 2)[1]
                self.asked.append(path)
                self.requests.append(head)
                path = decoded(path) if self.decodes else path
                if self.fault or self._lets_in(head, path, writer):
                    await self._answer(f"/{self.fault}".encode() if self.fault else path, writer)
                await writer.drain()
        with suppress(ConnectionError):
            writer.close()

    def _lets_in(self, head: bytes, path: bytes, writer) -> bool:
        """Whether the request is let in, and is not answered yet."""
        if self.role_of is None:
            return True
        found = re.search(rb"\r\nauthorization: ([^\r]*)", head)
        role = self.role_of(found[1] if found else b"")
        if role is None:
            send(writer, 401, b"")
        elif path == b"/v1/users/role":
            send(writer, 200, json.dumps({"role": role}).encode())
        return role is not None and path != b"/v1/users/role"

    async def _answer(self, path: bytes, writer) -> None:
        if path == b"/v1/modules":
            send(writer, 200, listed(self.store))
        elif path.startswith(b"/v1/modules/"):
            document = find(self.store, unquote_to_bytes(path.removeprefix(b"/v1/modules/")))
            status, body = (404, MISSING) if document is None else (200, document)
            send(writer, status, body + b"\n")
        elif path == b"/":
            send(writer, 404, b"")  # Viceroy asks each backend for it at its start.
        elif path.startswith(b"/status"):
            send(writer, int(path.removeprefix(b"/status")), b"[]")
        else:
            await getattr(self, path[1:].decode())(writer)

    # The faults.

    async def held_back(self, writer) -> None:
        self.held += 1
        await self._released.wait()
        self.held -= 1
        send(writer, 200, b"[]")

    async def flaky(self, writer) -> None:
        self.failures -= 1
        send(writer, 503 if self.failures >= 0 else 200, b"[]")

    async def slow(self, writer) -> None:
        await asyncio.sleep(60)

    async def hung(self, writer) -> None:
        await asyncio.sleep(600)

    async def redirecting(self, writer) -> None:
        writer.write(b"HTTP/1.1 307 Redirect\r\nlocation: https://elsewhere.example/\r\ncontent-length: 0\r\n\r\n")

    async def drip(self, writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        for _ in range(1000):
            writer.write(b"[")
            await writer.drain()
            await asyncio.sleep(0.05)

    async def reset(self, writer) -> None:
        writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n[{"uid":')
        await writer.drain()
        await asyncio.sleep(0.05)
        linger = b"\1\0\0\0\0\0\0\0"
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
        raise ConnectionError

    async def cut(self, writer) -> None:
        writer.write(b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n[{"uid":\r\n')
        await writer.drain()
        raise ConnectionError

    async def silent(self, writer) -> None:
        raise ConnectionError

    async def garbage(self, writer) -> None:
        writer.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        await writer.drain()
        raise ConnectionError

    async def html(self, writer) -> None:
        send(writer, 200, b"<!doctype html><title>Log in</title>", "text/html")

    async def empty(self, writer) -> None:
        send(writer, 200, b"")

    async def gateway(self, writer) -> None:
        send(writer, 404, b"<!doctype html><title>default backend - 404</title>", "text/html")

    async def malformed(self, writer) -> None:
        send(writer, 200, b'[{"uid":"a"},{"uid":"b","version":"1"}]')

    async def scalar(self, writer) -> None:
        send(writer, 200, b"[1]")

    async def open(self, writer) -> None:
        send(writer, 200, b'[{"uid":"a"')

    async def deep(self, writer) -> None:
        send(writer, 200, b'[{"uid":"a","own":' + b"[" * MIB)

    async def large(self, writer) -> None:
        send(writer, 200, b'[{"uid":"a","own":"' + b"x" * (20 * MIB) + b'"}]')

    async def larger(self, writer) -> None:
        send(writer, 200, b'[{"uid":"a","own":"' + b"x" * (40 * MIB) + b'"}]')

    async def early(self, writer) -> None:
        writer.write(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")
        send(writer, 200, b"[]")


def decoded(path: bytes) -> bytes:
    """The path that a careless server takes a path for."""
    path = unquote_to_bytes(unquote_to_bytes(path)).replace(b"\\", b"/")
    path = posixpath.normpath(re.split(rb"[?#;\0]", path)[0])
    return path if path.startswith(b"/v1/modules") else b"/"


def send(writer, status: int, body: bytes, content_type: str = "application/json") -> None:
    length = "" if status == 204 else f"content-length: {len(body)}\r\n"
    head = f"HTTP/1.1 {status} Status\r\ncontent-type: {content_type}\r\n{length}\r\n"
    writer.write(head.encode() + (b"" if status in (204, 304) else body))


def listed(store: Store) -> bytes:
    return store.body if store.body is not None else b"[" + b",".join(store.documents) + b"]\n"


def find(store: Store, uid: bytes) -> bytes | None:
    for name, document in store.by_uid:
        if name.encode() == uid:
            return document
    documents = store.documents
    if store.body is not None:
        documents = [json.dumps(one).encode() for one in json.loads(store.body)]
    for document in documents:
        with suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
            if json.loads(document)["uid"].encode() == uid:
                return document
    return None

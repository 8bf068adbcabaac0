"""The modules API as an ASGI application, for uvicorn, hypercorn or a framework that mounts it."""

import asyncio
import inspect
import json
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from ccs_modules.access import Anonymous, Authenticate, Headers, Unauthenticated
from ccs_modules.catalog import Response
from ccs_modules.mirror import Mirror

_log = logging.getLogger("ccs_modules")

Message = dict[str, Any]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Handler(Protocol):
    """An object that answers whole requests: a `Snapshot` or a `Mirror`."""

    def handle(
        self,
        method: str,
        target: str,
        headers: Headers,
        roles: list[str] | None,
        *,
        anonymous: bool = False,
        challenge: str | None = None,
    ) -> Response:
        """Answers one request."""


class Application:
    """An ASGI application that answers the modules API.

        application = Application(snapshot, Policy('{"anonymous":["db_viewer"]}'))

    `/healthz` is answered too, to whoever looks whether the server runs.

    A request is answered in a thread, so `authenticate` may block. Set `handler` to answer from another
    snapshot: each request is answered from one. A mirror is started and stopped with the server. If the
    application is mounted in another one, the first request starts the mirror.
    """

    def __init__(self, handler: Handler, authenticate: Authenticate):
        self.handler = handler
        self._authenticate = authenticate
        self._logged: str | None = None
        self._started: Mirror | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            try:
                response = await self._response(scope)
            except Exception:
                _log.exception("a request failed")
                response = _failure(scope["method"])
            self._log_cause(response)
            await _send(send, response)
        else:
            raise ValueError(f"this application answers http, and not {scope['type']}")

    async def _response(self, scope: Scope) -> Response:
        target = _target(scope)
        if target == "/healthz" and scope["method"] in ("GET", "HEAD"):
            return _text(scope["method"], 200, "text/plain; charset=utf-8", "ok\n")

        await self._start()
        headers = [
            (name.decode("latin-1"), value.decode(errors="replace")) for name, value in scope["headers"]
        ]
        found = await asyncio.to_thread(self._authenticate, headers)
        sender = await found if inspect.isawaitable(found) else found
        request = scope["method"], target, headers
        match sender:
            case Anonymous(roles):
                answer = partial(self.handler.handle, *request, roles, anonymous=True)
            case Unauthenticated(challenge):
                answer = partial(self.handler.handle, *request, None, challenge=challenge)
            case roles:
                answer = partial(self.handler.handle, *request, roles)
        return await asyncio.to_thread(answer)

    async def _start(self) -> None:
        """Starts the mirror, once. Each request that comes meanwhile waits for the first fetch."""
        if self._started is None and isinstance(mirror := self.handler, Mirror):
            await asyncio.to_thread(mirror.start)
            self._started = mirror

    def _log_cause(self, response: Response) -> None:
        """Logs the cause of a 5xx or a 403 once, until another request does not fail."""
        if response.cause is not None:
            reason = f"answered {response.status}: {response.cause}"
            if reason != self._logged:
                self._logged = reason
                _log.error("%s", reason)
        elif response.status < 400:
            self._logged = None

    async def _live(self, receive: Receive, send: Send) -> None:
        """Starts the mirror with the server, and stops the one that was started."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._start()
            elif self._started is not None:
                await asyncio.to_thread(self._started.stop)
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return


def _failure(method: str) -> Response:
    """The response to a request that failed before the component answered."""
    body = json.dumps({"description": "the request failed", "error_code": "failed"}) + "\n"
    return _text(method, 500, "application/json", body)


def _text(method: str, status: int, content_type: str, body: str) -> Response:
    """A response that does not come from the component. Its body is ASCII."""
    headers = [("content-type", content_type), ("content-length", str(len(body)))]
    return Response(status, headers, "" if method == "HEAD" else body, None)


def _target(scope: Scope) -> str:
    """The request target as it was received, below the mount path of the application."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    root: str = scope.get("root_path", "")
    # The path of the mount is decoded, so it is compared segment by segment as it was received.
    mount = b"/".join(path.split(b"/")[: root.count("/") + 1])
    if unquote_to_bytes(mount) == root.encode():
        path = path[len(mount) :]
    query: bytes = scope.get("query_string", b"")
    return (path + b"?" + query if query else path).decode("latin-1")


async def _send(send: Send, response: Response) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body.encode()})

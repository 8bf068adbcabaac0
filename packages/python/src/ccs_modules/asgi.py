"""The modules API as an ASGI application, for uvicorn, hypercorn or a framework that mounts it."""

import asyncio
import inspect
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Protocol

from ccs_modules.access import Anonymous, Authenticate, Headers
from ccs_modules.catalog import Response
from ccs_modules.mirror import Mirror

_log = logging.getLogger("ccs_modules")

Message = dict[str, Any]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Handler(Protocol):
    """An object that answers whole requests: a `Snapshot`, a `Mirror` or a `Plugin`."""

    def handle(
        self,
        method: str,
        target: str,
        headers: Headers,
        roles: list[str] | None,
        *,
        anonymous: bool = False,
    ) -> Response:
        """Answers one request."""


class Application:
    """An ASGI application that answers the modules API.

        application = Application(snapshot, Policy('{"anonymous":["db_viewer"]}'))

    A request is answered in a thread, since a store may block. Set `handler` to answer from another
    snapshot: each request is answered from one. A mirror is started and stopped with the server.
    """

    def __init__(self, handler: Handler, authenticate: Authenticate):
        self.handler = handler
        self._authenticate = authenticate
        self._logged: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            response = await self._response(scope)
            self._tell(response)
            if scope["method"] == "HEAD":
                response = replace(response, body=b"")
            await _send(send, response)
        else:
            raise ValueError(f"this application answers http, and not {scope['type']}")

    async def _response(self, scope: Scope) -> Response:
        headers = [(name.decode("latin-1"), value) for name, value in scope["headers"]]
        found = self._authenticate(headers)
        sender = await found if inspect.isawaitable(found) else found
        anonymous = isinstance(sender, Anonymous)
        roles = sender.roles if isinstance(sender, Anonymous) else sender
        # The log takes the reason of a failure from the body, which HEAD does not have.
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        answer = lambda: self.handler.handle(
            method, _target(scope), headers, roles, anonymous=anonymous
        )
        return await asyncio.to_thread(answer)

    def _tell(self, response: Response) -> None:
        """Logs why requests fail: each reason once, until another request does not fail."""
        if response.status < 400:
            self._logged = None
        elif response.status >= 500:
            reason = f"answered {response.status}: {json.loads(response.body)['description']}"
            if reason != self._logged:
                self._logged = reason
                _log.error("%s", reason)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Starts and stops with the server."""
        while True:
            message = await receive()
            if isinstance(self.handler, Mirror):
                starts = message["type"] == "lifespan.startup"
                await asyncio.to_thread(self.handler.start if starts else self.handler.stop)
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return


def _target(scope: Scope) -> str:
    """The request target as it was received, below the path where the application is mounted."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    path = path.removeprefix(scope.get("root_path", "").encode())
    query: bytes = scope.get("query_string", b"")
    return (path + b"?" + query if query else path).decode("latin-1")


async def _send(send: Send, response: Response) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})

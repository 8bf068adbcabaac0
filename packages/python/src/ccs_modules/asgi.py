"""The modules API as an ASGI application, for uvicorn, hypercorn or a framework that mounts it."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from ccs_modules.catalog import Response

Headers = list[tuple[str, bytes]]
"""Header fields in the order received: names in lower case, values as received."""

Roles = list[str] | None
"""The management roles of a caller; None for a caller who is not authenticated."""

Authenticate = Callable[[Headers], Roles | Awaitable[Roles]]
"""A function that finds the roles of the caller who sent these header fields."""


Message = dict[str, Any]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Handler(Protocol):
    """An object that answers whole requests: a `Snapshot` or a `Plugin`."""

    def handle(self, method: str, target: str, headers: Headers, roles: Roles) -> Response:
        """Answers one request."""


class Application:
    """An ASGI application that answers the modules API.

        application = Application(snapshot, authenticate)

    A request is answered in a thread, since a store may block. Set `handler` to answer from another
    snapshot: each request is answered from one.
    """

    def __init__(self, handler: Handler, authenticate: Authenticate):
        self.handler = handler
        self._authenticate = authenticate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await _send(send, await self._response(scope))
        else:
            raise ValueError(f"this application answers http, and not {scope['type']}")

    async def _response(self, scope: Scope) -> Response:
        headers = [(name.decode("latin-1"), value) for name, value in scope["headers"]]
        roles = self._authenticate(headers)
        if inspect.isawaitable(roles):
            roles = await roles
        handle = self.handler.handle
        return await asyncio.to_thread(handle, scope["method"], _target(scope), headers, roles)


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


async def _live(receive: Receive, send: Send) -> None:
    """Acknowledges that the server starts and stops: there is nothing to prepare."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return

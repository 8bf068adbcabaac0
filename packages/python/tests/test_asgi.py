"""The ASGI application, called as a server calls it."""

import asyncio
import unittest

from ccs_modules import Response
from ccs_modules.asgi import Application


class Echo:
    """A handler that answers with what it is asked."""

    def handle(self, method, target, headers, roles):
        body = repr((method, target, headers, roles)).encode()
        return Response(200, [("content-type", "text/plain")], body)


class Http(unittest.TestCase):
    def test_a_request_is_handed_over_as_it_was_received(self):
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/v1/modules/é",
            "raw_path": b"/v1/modules/%C3%A9",
            "query_string": b"version=1",
            "headers": [(b"x-roles", b"\xff"), (b"x-roles", b"a")],
        }
        start, body = exchange(scope)
        self.assertEqual(start["status"], 200)
        self.assertEqual(start["headers"], [(b"content-type", b"text/plain")])
        headers = [("x-roles", b"\xff"), ("x-roles", b"a")]
        expected = ("GET", "/v1/modules/%C3%A9?version=1", headers, ["db_viewer"])
        self.assertEqual(body["body"], repr(expected).encode())

    def test_the_path_of_a_mount_is_taken_off(self):
        scope = {"type": "http", "method": "GET", "path": "/a/v1/modules", "root_path": "/a", "headers": []}
        _, body = exchange({**scope, "raw_path": b"/a/v1/modules"})
        self.assertIn(b"'/v1/modules'", body["body"])

    def test_roles_may_be_found_later(self):
        async def nobody(headers):
            return None

        _, body = exchange({"type": "http", "method": "GET", "path": "/", "headers": []}, nobody)
        self.assertIn(b"None", body["body"])


class Lifespan(unittest.TestCase):
    def test_start_and_stop_are_acknowledged(self):
        sent = run({"type": "lifespan"}, ["lifespan.startup", "lifespan.shutdown"])
        kinds = [message["type"] for message in sent]
        self.assertEqual(kinds, ["lifespan.startup.complete", "lifespan.shutdown.complete"])


def exchange(scope, authenticate=lambda headers: ["db_viewer"]):
    return run(scope, [], authenticate)


def run(scope, received, authenticate=lambda headers: None):
    """Calls the application, and returns the messages that it sends."""
    sent, received = [], iter(received)

    async def receive():
        return {"type": next(received)}

    async def send(message):
        sent.append(message)

    asyncio.run(Application(Echo(), authenticate)(scope, receive, send))
    return sent

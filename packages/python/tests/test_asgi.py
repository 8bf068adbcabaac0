"""The ASGI application, called as a server calls it."""

import asyncio
import logging
import unittest

from ccs_modules import Plugin, Policy, Response, Snapshot, StoreUnavailable
from ccs_modules.asgi import Application


class Echo:
    """A handler that answers with what it is asked."""

    def handle(self, method, target, headers, roles, *, anonymous=False):
        body = repr((method, target, headers, roles, anonymous)).encode()
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
        expected = ("GET", "/v1/modules/%C3%A9?version=1", headers, ["db_viewer"], False)
        self.assertEqual(body["body"], repr(expected).encode())

    def test_the_path_of_a_mount_is_taken_off(self):
        scope = {"type": "http", "method": "GET", "path": "/a/v1/modules", "root_path": "/a", "headers": []}
        _, body = exchange({**scope, "raw_path": b"/a/v1/modules"})
        self.assertIn(b"'/v1/modules'", body["body"])

    def test_roles_may_be_found_later(self):
        async def nobody(headers):
            return None

        _, body = exchange(GET, nobody)
        self.assertIn(b"None", body["body"])

    def test_a_policy_finds_the_sender(self):
        for policy, expected in [
            ('{"anonymous":["db_viewer"]}', b"['db_viewer'], True"),
            ('{"trusted_header":"x-roles"}', b"['admin'], False"),
            (f'{{"users":[{{"name":"ann","password_sha256":"{"0" * 64}","roles":[]}}]}}', b"None, False"),
        ]:
            _, body = exchange({**GET, "headers": [(b"x-roles", b"admin")]}, Policy(policy))
            self.assertIn(expected, body["body"])

    def test_shared_caches_may_keep_what_anybody_may_see(self):
        for policy, expected in [
            (Policy('{"anonymous":["db_viewer"]}'), b"no-cache"),
            (lambda headers: ["db_viewer"], b"private, no-cache"),
        ]:
            start, _ = exchange({**GET, "path": "/v1/modules"}, policy, Snapshot.parse("[]"))
            self.assertEqual(dict(start["headers"])[b"cache-control"], expected)

    def test_a_head_has_the_header_fields_of_a_get_and_no_body(self):
        snapshot = Snapshot.parse('[{"uid":"a"}]')
        request = {**GET, "path": "/v1/modules"}
        start, body = exchange(request, handler=snapshot)
        head, nothing = exchange({**request, "method": "HEAD"}, handler=snapshot)
        self.assertEqual((head, nothing["body"]), (start, b""))
        self.assertEqual(body["body"], b'[{"uid":"a"}]\n')

    def test_the_reason_of_a_failure_is_logged_once(self):
        class Down:
            def list_documents(self):
                raise StoreUnavailable("it is down")

        application = Application(Plugin(Down()), lambda headers: ["db_viewer"])
        with self.assertLogs("ccs_modules", logging.ERROR) as logs:
            for method in ["HEAD", "GET", "HEAD"]:
                run({**GET, "method": method, "path": "/v1/modules"}, [], application)
        self.assertEqual(logs.output, ["ERROR:ccs_modules:answered 503: the store is unavailable: it is down"])


class Lifespan(unittest.TestCase):
    def test_start_and_stop_are_acknowledged(self):
        sent = run({"type": "lifespan"}, ["lifespan.startup", "lifespan.shutdown"])
        kinds = [message["type"] for message in sent]
        self.assertEqual(kinds, ["lifespan.startup.complete", "lifespan.shutdown.complete"])


GET = {"type": "http", "method": "GET", "path": "/", "headers": []}


def exchange(scope, authenticate=lambda headers: ["db_viewer"], handler=Echo()):
    return run(scope, [], Application(handler, authenticate))


def run(scope, received, application=Application(Echo(), lambda headers: None)):
    """Calls the application, and returns the messages that it sends."""
    sent, received = [], iter(received)

    async def receive():
        return {"type": next(received)}

    async def send(message):
        sent.append(message)

    asyncio.run(application(scope, receive, send))
    return sent

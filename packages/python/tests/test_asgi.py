"""The ASGI application, called as a server calls it."""

import asyncio
import logging
import threading
import time
import unittest

from ccs_modules import Mirror, Policy, Response, Snapshot, StoreError, Unauthenticated
from ccs_modules.asgi import Application


class Echo:
    """A handler that answers with what it is asked."""

    def handle(self, method, target, headers, roles, *, anonymous=False, challenge=None):
        body = repr((method, target, headers, roles, anonymous))
        return Response(200, [("content-type", "text/plain")], body, None)


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
        headers = [("x-roles", "\ufffd"), ("x-roles", "a")]
        expected = ("GET", "/v1/modules/%C3%A9?version=1", headers, ["db_viewer"], False)
        self.assertEqual(body["body"], repr(expected).encode())

    def test_the_path_of_a_mount_is_taken_off(self):
        for root, path, raw in [
            ("", "/v1/modules", b"/v1/modules"),
            ("/a", "/a/v1/modules", b"/a/v1/modules"),
            ("/é/b", "/é/b/v1/modules", b"/%C3%A9/b/v1/modules"),
        ]:
            for more in ({"raw_path": raw}, {}):
                scope = {**GET, "path": path, "root_path": root, **more}
                _, body = exchange(scope)
                self.assertIn(b"'/v1/modules'", body["body"])

    def test_healthz_is_answered_to_anybody(self):
        for method, text in [("GET", b"ok\n"), ("HEAD", b"")]:
            start, body = exchange({**GET, "method": method, "path": "/healthz"}, lambda headers: None)
            self.assertEqual((start["status"], body["body"]), (200, text))

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

    def test_the_cause_of_a_failure_is_logged_once(self):
        def store(known):
            raise StoreError("it is down")

        mirror = Mirror({}, store=store)
        with self.assertLogs("ccs_modules", logging.ERROR):
            mirror.refresh()
        application = Application(mirror, lambda headers: ["db_viewer"])
        with self.assertLogs("ccs_modules", logging.ERROR) as logs:
            for method in ["HEAD", "GET", "HEAD"]:
                run({**GET, "method": method, "path": "/v1/modules"}, [], application)
        mirror.stop()
        (line,) = logs.output
        self.assertRegex(line, "^ERROR:ccs_modules:answered 503: the store is unavailable: .*it is down$")

    def test_an_authenticate_that_fails_is_a_500_with_a_body(self):
        def fail(headers):
            raise OSError("LDAP is down")

        for method, length in [("GET", 62), ("HEAD", 0)]:
            with self.assertLogs("ccs_modules", logging.ERROR) as logs:
                start, body = exchange({**GET, "method": method}, fail)
            self.assertIn("LDAP is down", logs.output[0])
            self.assertEqual(start["status"], 500)
            self.assertEqual(dict(start["headers"])[b"content-length"], b"62")
            self.assertEqual(len(body["body"]), length)

    def test_a_challenge_of_ones_own(self):
        policy = lambda headers: Unauthenticated('Bearer realm="x"')
        start, _ = exchange({**GET, "path": "/v1/modules"}, policy, Snapshot.parse("[]"))
        self.assertEqual(start["status"], 401)
        self.assertEqual(dict(start["headers"])[b"www-authenticate"], b'Bearer realm="x"')

    def test_an_authenticate_that_blocks_delays_nobody_else(self):
        def slow(headers):
            return ["db_viewer"] if is_done.wait(10) else None

        async def both():
            ended = []
            waiting = asyncio.create_task(call(GET, ended, Application(Echo(), slow)))
            await call(GET, ended, Application(Echo(), lambda headers: None))
            is_done.set()
            await waiting
            return ended

        is_done = threading.Event()
        first, *_ = asyncio.run(both())
        self.assertIn("None", first)


class Users(unittest.TestCase):
    def test_each_of_3000_requests_of_16_users_gets_its_own_answer(self):
        """Each request is of another module or of none, and of a caller who may see it or not."""
        count, wrong = 3000, []
        snapshot = Snapshot.from_documents(f'{{"uid":"{at}"}}' for at in range(0, count, 2))
        application = Application(snapshot, Policy('{"trusted_header":"x-roles"}'))

        async def user(first):
            for at in range(first, count, 16):
                roles = [[], [b"db_viewer"], [b"none"]][at % 3]
                headers = [(b"x-roles", role) for role in roles]
                sent = []

                async def send(message):
                    sent.append(message)

                await application({**GET, "path": f"/v1/modules/{at}", "headers": headers}, None, send)
                start, body = sent
                expected = 401 if not roles else 403 if roles == [b"none"] else 404 if at % 2 else 200
                is_own = expected != 200 or body["body"] == b'{"uid":"%d"}\n' % at
                if start["status"] != expected or not is_own:
                    wrong.append((at, sent))

        async def users():
            await asyncio.gather(*(user(first) for first in range(16)))

        asyncio.run(users())
        self.assertEqual(wrong, [])


class Lifespan(unittest.TestCase):
    def test_the_first_request_to_a_mounted_application_starts_its_mirror(self):
        mirror = Mirror({}, store=lambda known: "[]")
        self.addCleanup(mirror.stop)
        scope = {**GET, "path": "/a/v1/modules", "root_path": "/a"}
        start, _ = exchange(scope, handler=mirror)
        self.assertEqual(start["status"], 200)

    def test_requests_that_come_at_once_wait_for_the_first_fetch_and_healthz_does_not(self):
        is_healthy = threading.Event()

        def store(known):
            return "[]" if is_healthy.wait(10) else None

        async def requests():
            waiting = [asyncio.create_task(call(LISTING, ended, application)) for _ in range(3)]
            await asyncio.sleep(0)
            await call({**GET, "path": "/healthz"}, ended, application)
            is_healthy.set()
            await asyncio.gather(*waiting)

        ended, mirror = [], Mirror({"timeout_ms": 20000}, store=store)
        self.addCleanup(mirror.stop)
        application = Application(mirror, lambda headers: ["db_viewer"])
        asyncio.run(requests())
        self.assertEqual(ended, ["ok\n", *["[]\n"] * 3])

    def test_start_and_stop_are_acknowledged(self):
        sent = run({"type": "lifespan"}, ["lifespan.startup", "lifespan.shutdown"])
        kinds = [message["type"] for message in sent]
        self.assertEqual(kinds, ["lifespan.startup.complete", "lifespan.shutdown.complete"])

    def test_the_mirror_that_was_started_is_stopped(self):
        mirror = Mirror({}, store=lambda known: "[]")
        application = Application(mirror, lambda headers: None)

        def shut_down():
            application.handler = Snapshot.parse("[]")
            return "lifespan.shutdown"

        run({"type": "lifespan"}, (next() for next in [lambda: "lifespan.startup", shut_down]), application)
        alive = lambda: "ccs-modules-mirror" in [thread.name for thread in threading.enumerate()]
        end = time.monotonic() + 10
        while alive() and time.monotonic() < end:
            time.sleep(0.001)
        self.assertFalse(alive())


GET = {"type": "http", "method": "GET", "path": "/", "headers": []}
LISTING = {**GET, "path": "/v1/modules"}


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


async def call(scope, ended, application):
    """Calls the application, and adds the body to a list."""

    async def send(message):
        if "body" in message:
            ended.append(message["body"].decode())

    await application(scope, None, send)

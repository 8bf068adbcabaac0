"""Mirrors of an upstream in this process: what a host has to do for the component."""

import asyncio
import json
import socket
import tempfile
import threading
import time
import unittest
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ccs_modules import ConfigurationError, Malformed, Mirror, NotFound, Saved, Unavailable
from ccs_modules.asgi import Application

ROLES = ["db_viewer"]
LIST = '[{"uid":"a"}]\n'
CREDENTIALS = {"user": "ann", "password": "secret"}
FIELD = "Basic YW5uOnNlY3JldA=="


class Calls(unittest.TestCase):
    def test_a_list_is_fetched_with_credentials_and_answers(self):
        with upstream() as server:
            mirror = Mirror({"nodes": [server.url], "credentials": CREDENTIALS})
            self.assertEqual(get(mirror).status, 503)
            with mirror:
                self.assertEqual(get(mirror).body.decode(), LIST)
                headers = dict(get(mirror).headers)
                self.assertEqual(headers["age"], "0")
                self.assertRegex(headers["cache-status"], "^ccs-modules; hit")
                self.assertEqual([module.uid for module in mirror.list_modules(ROLES)], ["a"])
                self.assertEqual(mirror.get_module(ROLES, "a").document, '{"uid":"a"}')
                with self.assertRaises(NotFound):
                    mirror.get_module(ROLES, "b")
                status = mirror.status
                self.assertEqual((status.freshness, status.reason, status.changed), ("fresh", None, 1))
            self.assertEqual([path for path, _ in server.requests], ["/v1/modules"])
            self.assertEqual(server.requests[0][1]["authorization"], FIELD)

    def test_an_unchanged_list_is_revalidated_by_its_entity_tag_in_the_background(self):
        def answer(request):
            if request.headers["if-none-match"] == '"x"':
                send(request, 304, b"")
            else:
                send(request, 200, LIST.encode(), etag='"x"')

        with upstream(answer) as server, Mirror({"nodes": [server.url], "refresh_ms": 1}) as mirror:
            until(lambda: mirror.status.unchanged > 1)
            self.assertEqual((mirror.status.changed, mirror.status.failed), (1, 0))

    def test_an_application_starts_and_stops_its_mirror(self):
        with upstream() as server:
            mirror = Mirror({"nodes": [server.url]})
            received = iter(["lifespan.startup", "lifespan.shutdown"])

            async def receive():
                return {"type": next(received)}

            async def send(message):
                pass

            asyncio.run(Application(mirror, lambda headers: ROLES)({"type": "lifespan"}, receive, send))
            self.assertEqual(get(mirror).body.decode(), LIST)
            until(lambda: "ccs-modules-mirror" not in [thread.name for thread in threading.enumerate()])


class Faults(unittest.TestCase):
    def test_the_old_list_answers_and_the_reason_is_told(self):
        for reason, fault in FAULTS.items():
            with self.subTest(reason), upstream() as server:
                timeout = 100 if "100 ms" in reason else 60_000
                options = {"nodes": [server.url], "refresh_ms": 1, "timeout_ms": timeout}
                mirror = Mirror({**options, "credentials": CREDENTIALS})
                mirror.refresh()
                server.answer = fault
                with self.assertLogs("ccs_modules", "ERROR") as logs:
                    refresh_until(mirror, lambda: mirror.status.failed)
                    until(lambda: mirror.status.freshness == "stale")
                    refresh_until(mirror, lambda: logs.output)
                self.assertEqual(len(logs.output), 1)
                response = get(mirror)
                self.assertEqual(response.body.decode(), LIST)
                shown = [logs.output[0], mirror.status.reason, dict(response.headers)["cache-status"]]
                for text in shown:
                    self.assertRegex(text, reason)
                    self.assertNotRegex(text, "secret|YW5u")

    def test_an_upstream_that_is_down_is_told_and_logged_once(self):
        mirror = Mirror({"nodes": [f"http://127.0.0.1:{closed_port()}"], "refresh_ms": 1})
        with self.assertLogs("ccs_modules", "ERROR") as logs:
            refresh_until(mirror, lambda: mirror.status.failed > 3)
        (line,) = logs.output
        self.assertRegex(line, "the mirror has no catalog that may answer: .*: connection refused$")
        for call in (lambda: mirror.list_modules(ROLES), lambda: mirror.get_module(ROLES, "a")):
            with self.assertRaisesRegex(Unavailable, "nothing has been fetched yet; .*connection refused"):
                call()

    def test_a_foreign_redirect_is_not_followed(self):
        with upstream() as foreign:
            redirect = lambda request: send(request, 307, b"", location=f"{foreign.url}/v1/modules")
            with upstream(redirect) as node:
                alone = Mirror({"nodes": [node.url], "credentials": CREDENTIALS})
                with self.assertLogs("ccs_modules", "ERROR"):
                    alone.refresh()
                self.assertEqual(foreign.requests, [])
                self.assertRegex(alone.status.reason, "a redirect to http.*, which is no configured node$")
                both = Mirror({"nodes": [node.url, foreign.url], "credentials": CREDENTIALS})
                both.refresh()
                self.assertEqual(foreign.requests[0][1]["authorization"], FIELD)
                self.assertEqual(get(both).body.decode(), LIST)


class Storage(unittest.TestCase):
    def test_a_restart_answers_while_the_upstream_is_down(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "snapshot.json")
            with upstream(lambda request: send(request, 200, LIST.encode(), etag='"x"')) as server:
                options = {"nodes": [server.url], "credentials": CREDENTIALS}
                Mirror(options, snapshot_file=file).refresh()
            text = file.read_text()
            self.assertNotRegex(text, "secret|YW5u")
            self.assertRegex(json.loads(text)["validator"], r'^http://\S+/v1/modules "x"$')
            self.assertEqual([found.name for found in Path(folder).iterdir()], ["snapshot.json"])
            self.assertEqual(get(Mirror(options, snapshot_file=file)).body.decode(), LIST)
            with self.assertLogs("ccs_modules", "ERROR") as logs:
                other = Mirror({"nodes": ["http://other"]}, snapshot_file=file)
            self.assertRegex(logs.output[0], "the snapshot file .* is of another cluster, and is not used$")
            self.assertEqual(get(other).status, 503)
            # A file that is no catalog is told, and the upstream is asked.
            for text in ("", json.dumps({**json.loads(text), "body": "[1]"})):
                file.write_text(text)
                with self.assertLogs("ccs_modules", "ERROR") as logs:
                    Mirror(options, snapshot_file=file)
                self.assertRegex(logs.output[0], "the snapshot file .*snapshot.json cannot be read: ")

    def test_the_time_while_nothing_ran_counts(self):
        mirror = Mirror({"nodes": ["http://node1"], "stale_if_error_ms": 3_500_000})
        saved = Saved([], LIST, None, None, time.time() - 3600)
        mirror.restore(saved)
        self.assertGreaterEqual(mirror.status.age, 3600)
        self.assertEqual(get(mirror).status, 503)
        self.assertAlmostEqual(mirror.save().made_at, saved.made_at, delta=60)
        with self.assertRaises(Malformed):
            Mirror({"nodes": ["http://node1"]}).restore(replace(saved, body="["))


class Configurations(unittest.TestCase):
    def test_a_wrong_option_is_named_and_its_value_is_not_shown(self):
        for configuration, expected in [
            ({"nodes": ["https://ann:secret@node1"]}, r"nodes\[0\]: a URL with credentials"),
            ({"nodes": []}, "nodes: empty"),
            ({"nodes": ["https://node1"], "refresh": 5}, "refresh: unknown field, "),
            ('{"nodes":["https://node1"],"credentials":"secret"}', "credentials: a string, expected an object"),
        ]:
            with self.assertRaisesRegex(ConfigurationError, expected) as caught:
                Mirror(configuration)
            self.assertNotIn("secret", str(caught.exception))


def send(request, status, body, **headers):
    request.send_response(status)
    for name, value in {"content-length": len(body), **headers}.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.wfile.write(body)


def cut(request):
    request.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[{")


def reset(request):
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def drip(request):
    """Sends a byte each 10 ms: no wait for one is long."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while not request.server.is_closed.wait(0.01):
        request.wfile.write(b"[")


FAULTS = {
    "answered 500": lambda request: send(request, 500, b"<html>"),
    "answered 401": lambda request: send(request, 401, b""),
    "the list is refused": lambda request: send(request, 200, b'[{"uid":"b"'),
    "a body that is not UTF-8": lambda request: send(request, 200, b"[\xff]"),
    "more than 8388608 bytes": lambda request: send(request, 200, "é".encode() * (5 << 20)),
    "the connection broke off": cut,
    "the connection broke off|closed": reset,
    "the response is not HTTP": lambda request: request.wfile.write(b"nonsense\r\n\r\n"),
    "no response in 100 ms": lambda request: request.server.is_closed.wait(),
    "no response in 100 ms$|no response in 100 ms\"": drip,
    "a redirect to http://127.0.0.1:1, which is no": lambda request: send(
        request, 307, b"", location="http://127.0.0.1:1/v1/modules"
    ),
}


@contextmanager
def upstream(answer=lambda request: send(request, 200, LIST.encode())):
    """An upstream that answers as `answer` says, and keeps the requests."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.requests.append((self.path, dict(self.headers)))
            try:
                self.server.answer(self)
            except OSError:
                pass  # The mirror has given up.

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.answer, server.requests, server.is_closed = answer, [], threading.Event()
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.is_closed.set()
            server.shutdown()
            thread.join()


def closed_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def get(mirror):
    return mirror.handle("GET", "/v1/modules", [], ROLES)


def refresh_until(mirror, holds):
    until(lambda: mirror.refresh() is None or holds())


def until(holds):
    while not holds():
        time.sleep(0.001)

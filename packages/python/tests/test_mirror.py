"""Mirrors of an upstream in this process: what a host has to do for the component."""

import asyncio
import contextlib
import json
import resource
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import unittest.mock
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ccs_modules import ConfigurationError, Malformed, Mirror, NotFound, StoreError, Unavailable, Versioned
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
                self.assertEqual(get(mirror).body, LIST)
                headers = dict(get(mirror).headers)
                self.assertEqual(headers["age"], "0")
                self.assertRegex(headers["cache-status"], "^ccs-modules; hit")
                self.assertEqual([module.uid for module in mirror.list_modules(ROLES)], ["a"])
                self.assertEqual(mirror.get_module(ROLES, "a").document, '{"uid":"a"}')
                with self.assertRaisesRegex(NotFound, '^there is no module with the uid "b"$'):
                    mirror.get_module(ROLES, "b")
                status = mirror.status
                self.assertEqual((status.freshness, status.reason, status.changed), ("fresh", None, 1))
            self.assertEqual([path for path, _ in server.requests], ["/v1/modules"])
            self.assertEqual(server.requests[0][1]["authorization"], FIELD)

    def test_a_token_counts_until_it_expires_and_the_list_stays(self):
        end = time.monotonic() + 2

        def answer(request):
            valid = request.headers["authorization"] == "Bearer short" and time.monotonic() < end
            send(request, *((200, LIST.encode()) if valid else (401, b"")))

        with upstream(answer) as server:
            configuration = {"nodes": [server.url], "refresh_ms": 200}
            with self.assertLogs("ccs_modules", "ERROR"):
                with Mirror({**configuration, "credentials": {"token": "other"}}) as mirror:
                    self.assertEqual(get(mirror).status, 503)
            with Mirror({**configuration, "credentials": {"token": "short"}}) as mirror:
                self.assertEqual(get(mirror).body, LIST)
                until(lambda: mirror.status.failed > 0)
                self.assertEqual(get(mirror).body, LIST)

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
            self.assertEqual(get(mirror).body, LIST)
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
                self.assertEqual(response.body, LIST)
                shown = [logs.output[0], mirror.status.reason, dict(response.headers)["cache-status"]]
                for text in shown:
                    self.assertRegex(text, reason)
                    self.assertNotRegex(text, "secret|YW5u")

    def test_an_upstream_that_refuses_the_credentials_is_asked_once(self):
        with upstream(lambda request: send(request, 401, b"")) as server:
            mirror = Mirror({"nodes": [server.url], "refresh_ms": 1, "credentials": CREDENTIALS})
            with self.assertLogs("ccs_modules", "ERROR"), mirror:
                time.sleep(0.2)
            self.assertRegex(mirror.status.failure, "answered 401$")
            self.assertEqual(len(server.requests), 1)

    def test_an_upstream_that_is_down_is_told_and_logged_once(self):
        mirror = Mirror({"nodes": [f"http://127.0.0.1:{closed_port()}"], "refresh_ms": 1})
        with self.assertLogs("ccs_modules", "ERROR") as logs:
            refresh_until(mirror, lambda: mirror.status.failed > 3)
        (line,) = logs.output
        self.assertRegex(line, "the mirror has no catalog that may answer: .*: connection refused$")
        for call in (lambda: mirror.list_modules(ROLES), lambda: mirror.get_module(ROLES, "a")):
            with self.assertRaisesRegex(Unavailable, "nothing has been fetched yet; .*connection refused"):
                call()

    def test_the_timeout_is_that_of_all_addresses_together(self):
        port = closed_port()
        with full("127.0.0.1", port), full("127.0.0.2", port), full("127.0.0.3", port):
            with node1_at("127.0.0.1", "127.0.0.2", "127.0.0.3"), self.assertLogs("ccs_modules", "ERROR"):
                mirror = Mirror({"nodes": [f"http://node1:{port}"], "timeout_ms": 500})
                begin = time.monotonic()
                mirror.refresh()
        self.assertLess(time.monotonic() - begin, 1.4)
        self.assertRegex(mirror.status.failure, "no response in 500 ms$")

    def test_the_next_address_is_asked_if_one_does_not_answer(self):
        with upstream() as server, full("127.0.0.2", server.server_port):
            with node1_at("127.0.0.2", "127.0.0.1"):
                mirror = Mirror({"nodes": [f"http://node1:{server.server_port}"], "timeout_ms": 1000})
                mirror.refresh()
            self.assertEqual(get(mirror).body, LIST)

    def test_a_certificate_is_checked_by_the_authority_and_the_name(self):
        with tempfile.TemporaryDirectory() as folder, upstream() as server:
            certificate, key, context = certified(folder)
            server.socket = context.wrap_socket(server.socket, server_side=True)

            trusting = ssl.create_default_context(cafile=certificate)
            for host, tls, expected in [
                ("localhost", trusting, None),
                ("localhost", None, "the certificate is not trusted: self-signed certificate$"),
                ("127.0.0.1", trusting, "the certificate is not trusted: IP address mismatch"),
            ]:
                mirror = Mirror({"nodes": [f"https://{host}:{server.server_port}"]}, tls=tls)
                with self.subTest(host), self.assertLogs("ccs_modules", "ERROR") if expected else contextlib.nullcontext():
                    mirror.refresh()
                self.assertRegex(str(mirror.status.failure), expected or "^None$")

    def test_a_client_certificate_is_shown_to_a_cluster_that_wants_one(self):
        with tempfile.TemporaryDirectory() as folder, upstream() as server:
            certificate, key, context = certified(folder)
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)

            tls = ssl.create_default_context(cafile=certificate)
            mirror = Mirror({"nodes": [f"https://localhost:{server.server_port}"]}, tls=tls)
            with self.assertLogs("ccs_modules", "ERROR"):
                mirror.refresh()
            self.assertEqual(get(mirror).status, 503)
            tls.load_cert_chain(certificate, key)
            mirror = Mirror({"nodes": [f"https://localhost:{server.server_port}"]}, tls=tls)
            mirror.refresh()
            self.assertEqual(get(mirror).body, LIST)

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
                self.assertEqual(get(both).body, LIST)


class Storage(unittest.TestCase):
    def test_a_restart_answers_while_the_upstream_is_down(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "snapshot.json")
            with upstream(lambda request: send(request, 200, LIST.encode(), etag='"x"')) as server:
                options = {"nodes": [server.url], "credentials": CREDENTIALS}
                Mirror(options, snapshot_file=file).refresh()
            text = file.read_text()
            self.assertNotRegex(text, "secret|YW5u")
            fields = ["nodes", "as_of_unix_ms", "validated_unix_ms", "stale", "validator", "modules"]
            self.assertEqual(list(json.loads(text)), fields)
            self.assertRegex(json.loads(text)["validator"], r'^http://\S+/v1/modules "x"$')
            self.assertEqual([found.name for found in Path(folder).iterdir()], ["snapshot.json"])
            self.assertEqual(file.stat().st_mode & 0o777, 0o600)
            self.assertEqual(get(Mirror(options, snapshot_file=file)).body, LIST)
            with self.assertLogs("ccs_modules", "ERROR") as logs:
                other = Mirror({"nodes": ["http://other"]}, snapshot_file=file)
            self.assertRegex(logs.output[0], "the snapshot file .* is of another cluster, and is not used$")
            self.assertEqual(get(other).status, 503)
            # A catalog that is malformed is logged, and the upstream is asked.
            file.write_text(saved(options["nodes"], "[1]"))
            with self.assertLogs("ccs_modules", "ERROR") as logs:
                Mirror(options, snapshot_file=file)
            self.assertRegex(logs.output[0], "the snapshot file .*snapshot.json is damaged and is not used: ")

    def test_a_file_that_a_mirror_wrote_is_used_or_replaced_and_any_other_one_is_refused(self):
        table = Path(__file__).resolve().parents[3].joinpath("host-tests/snapshot-files.json")
        with tempfile.TemporaryDirectory() as folder, upstream() as server:
            file = Path(folder, "snapshot.json")
            for row in json.loads(table.read_text())["files"]:
                text = row["text"].replace("NODE", server.url).replace("NOW", str(int(time.time() * 1000)))
                file.write_text(text)
                with self.subTest(text):
                    make = lambda: Mirror({"nodes": [server.url]}, snapshot_file=file)
                    if row["found"] == "foreign":
                        with self.assertRaisesRegex(ConfigurationError, "it was not written by a mirror$"):
                            make()
                        self.assertEqual(file.read_text(), text)
                    elif row["found"] == "damaged":
                        with self.assertLogs("ccs_modules", "ERROR") as logs:
                            make().refresh()
                        self.assertRegex(logs.output[0], " is damaged and is not used: ")
                        self.assertIn(LIST.rstrip(), file.read_text())
                    else:
                        self.assertEqual(get(make()).status, 200)

    def test_a_file_that_cannot_be_replaced_leaves_no_other_one_behind(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "snapshot.json")
            mirror = Mirror({}, store=lambda known: "[]", snapshot_file=file)
            file.mkdir()
            with self.assertLogs("ccs_modules", "ERROR") as logs:
                mirror.refresh()
            self.assertRegex(logs.output[0], "the snapshot file .* cannot be written: ")
            self.assertEqual(list(Path(folder).iterdir()), [file])

    def test_a_disk_that_is_full_keeps_the_file_of_before_and_no_other_one(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "snapshot.json")
            bodies = iter(["[]", json.dumps([{"uid": "x" * 200}])])
            mirror = Mirror({"refresh_ms": 1}, store=lambda known: next(bodies), snapshot_file=file)
            mirror.refresh()
            before, limits = file.read_text(), resource.getrlimit(resource.RLIMIT_FSIZE)
            with self.assertLogs("ccs_modules", "ERROR") as logs:
                # In place of a full disk, files have a greatest size.
                resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
                self.addCleanup(resource.setrlimit, resource.RLIMIT_FSIZE, limits)
                refresh_until(mirror, lambda: mirror.status.changed > 1)
            self.assertRegex(logs.output[0], "the snapshot file .* cannot be written: File too large$")
            self.assertEqual([found.name for found in Path(folder).iterdir()], ["snapshot.json"])
            self.assertEqual(file.read_text(), before)
            self.assertEqual(len(mirror.list_modules(ROLES)), 1)

    def test_a_catalog_of_the_future_is_stale_and_has_no_age(self):
        mirror = Mirror({"nodes": ["http://node1"]})
        mirror.restore(saved([], LIST, int(time.time() + 3600) * 1000))
        self.assertEqual(get(mirror).status, 200)
        self.assertEqual((mirror.status.age, mirror.status.freshness), (None, "stale"))
        self.assertRegex(mirror.status.reason, "dated in the future$")
        self.assertIsNone(mirror.save())

    def test_a_mirror_of_a_stale_catalog_is_stale_after_a_restart(self):
        stale = lambda request: send(request, 200, LIST.encode(), cache_status='a; hit; ttl=-1; detail="late"')
        with upstream(stale) as server:
            mirror = Mirror({"nodes": [server.url]})
            mirror.refresh()
        restarted = Mirror({"nodes": [server.url]})
        restarted.restore(mirror.save())
        for each in (mirror, restarted):
            self.assertRegex(each.status.reason, "the list was stale when it came: late$")

    def test_the_time_while_nothing_ran_counts(self):
        mirror = Mirror({"nodes": ["http://node1"], "stale_if_error_ms": 3_500_000})
        made_at = int(time.time() - 3600) * 1000
        mirror.restore(saved([], LIST, made_at))
        self.assertGreaterEqual(mirror.status.age, 3600)
        self.assertEqual(get(mirror).status, 503)
        self.assertAlmostEqual(json.loads(mirror.save())["as_of_unix_ms"], made_at, delta=60_000)
        with self.assertRaises(Malformed):
            Mirror({"nodes": ["http://node1"]}).restore(saved([], "["))


class Stores(unittest.TestCase):
    def test_a_store_returns_a_body_or_documents_as_texts_or_as_bytes(self):
        for content in (LIST, LIST.encode(), ['{"uid":"a"}'], [b'{"uid":"a"}']):
            for found in (content, Versioned(content, "1")):
                mirror = Mirror({}, store=lambda known: found)
                mirror.refresh()
                self.assertEqual(get(mirror).body, LIST)

    def test_a_store_that_has_not_changed_returns_no_content(self):
        asked = []

        def store(known):
            asked.append(known)
            return None if known == "1" else Versioned("[]", "1")

        with Mirror({"refresh_ms": 1}, store=store) as mirror:
            until(lambda: mirror.status.unchanged)
        self.assertEqual(asked[:2], [None, "1"])
        self.assertEqual(mirror.status.changed, 1)

    def test_the_response_of_a_store_that_fails_has_the_reason(self):
        def raising(error):
            def store(known):
                raise error

            return store

        for store, status, reason in [
            (raising(StoreError("it is down")), 503, "it is down"),
            (raising(KeyError("a secret")), 503, "the store failed"),
            (lambda known: None, 503, "the store failed"),
            (lambda known: [1], 503, "the store failed"),
            (lambda known: {"uid": "a"}, 503, "the store failed"),
            (lambda known: [b"\xff"], 503, "document at index 0: byte 0 is not UTF-8"),
            (lambda known: '[{"uid":"a"} x]', 500, "line 1, column 14"),
        ]:
            mirror = Mirror({}, store=store)
            with self.assertLogs("ccs_modules", "ERROR"):
                mirror.refresh()
            response = get(mirror)
            self.assertEqual(response.status, status)
            self.assertIn(reason, response.body)
            self.assertNotIn("secret", response.body)

    def test_a_store_that_waits_delays_no_answer(self):
        is_done = threading.Event()
        store = lambda known: LIST if known is None and not asked.append(1) and len(asked) == 1 else wait()
        asked, wait = [], lambda: is_done.wait() and LIST
        with Mirror({"refresh_ms": 1}, store=store) as mirror:
            until(lambda: len(asked) > 1)
            self.assertEqual(get(mirror).body, LIST)
            self.assertEqual(Mirror({}, store=lambda known: LIST).refresh(), 0)
            is_done.set()


    def test_a_malformed_document_of_a_store_is_an_error_of_each_call(self):
        mirror = Mirror({}, store=lambda known: ['{"uid":"a","version":"x"}'])
        with self.assertLogs("ccs_modules", "ERROR"):
            mirror.refresh()
        for call in (lambda: mirror.list_modules(ROLES), lambda: mirror.get_module(ROLES, "a")):
            with self.assertRaisesRegex(Malformed, "version"):
                call()


class Recovery(unittest.TestCase):
    def test_after_a_trap_a_mirror_goes_on_with_the_catalog_before(self):
        documents = lambda count: [json.dumps({"uid": str(at), "description": "x" * 1000}) for at in range(count)]
        content = [documents(10)]
        mirror = Mirror({"refresh_ms": 1}, store=lambda known: content[0])
        # The memory of this instance cannot grow beyond this.
        mirror._resource.instance._store.set_limits(memory_size=4 << 20)
        with self.assertLogs("ccs_modules", "ERROR") as logs, mirror:
            self.assertEqual(len(mirror.list_modules(ROLES)), 10)
            content[0] = documents(5000)
            until(lambda: logs.output)
            self.assertRegex(logs.output[0], "the component failed: .*; the mirror starts again$")
            content[0] = documents(20)
            until(lambda: len(mirror.list_modules(ROLES)) == 20)

    def test_after_an_exception_the_thread_goes_on(self):
        calls = []

        def store(known):
            calls.append(known)
            if len(calls) == 1:
                raise SystemError("a bug")
            return LIST

        with self.assertLogs("ccs_modules", "ERROR"), Mirror({"refresh_ms": 1}, store=store) as mirror:
            until(lambda: mirror.status.freshness == "fresh")


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


def certified(folder):
    """A certificate that is its own authority, its key, and the TLS of a server with it."""
    certificate, key = Path(folder, "certificate"), Path(folder, "key")
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=a", "-days", "2"]
    words += ["-addext", "subjectAltName=DNS:localhost", "-out", certificate, "-keyout", key]
    subprocess.run(words, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, key, context


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


@contextmanager
def full(address, port):
    """A server whose queue is full: connections to it wait."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((address, port))
        yield


def node1_at(*addresses):
    """Gives the host `node1` these addresses."""
    real = socket.getaddrinfo

    def found(host, port, *rest, **more):
        if host != "node1":
            return real(host, port, *rest, **more)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return unittest.mock.patch("socket.getaddrinfo", found)


def get(mirror):
    return mirror.handle("GET", "/v1/modules", [], ROLES)


def refresh_until(mirror, holds):
    until(lambda: mirror.refresh() is None or holds())


def until(holds):
    while not holds():
        time.sleep(0.001)


def saved(nodes, body, made_at=None):
    """A saved catalog."""
    made_at = int(time.time() * 1000) if made_at is None else made_at
    fields = {"nodes": nodes, "as_of_unix_ms": made_at, "validator": None}
    return f'{json.dumps(fields)[:-1]},"modules":{body}}}'

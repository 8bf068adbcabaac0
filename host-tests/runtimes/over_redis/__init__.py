"""The store in a real Redis, over `wasi:sockets`: on `wasmtime serve`, and on Node by `jco serve`.

Neither needs any code on the host.
"""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from harness import cases, http, redis
from harness.artifacts import artifact
from harness.cases import ANYBODY, Case, Store, extra, failure, get
from harness.process import HOST
from harness.redis import Redis
from harness.runtime import Runtime
from harness.wasmtime import served, wasmtime
from js import JcoServe

KEY = "ccs:modules"
CLOSED = "the store is unavailable: redis at {} closed the connection"
OTHERWISE = "the store failed: {} does not answer as redis does: check CCS_REDIS_ADDRESS"
PATIENCE = {"CCS_REDIS_TIMEOUT_MS": "30000"}
"""Long timeouts: most of these cases are not about time, and a busy machine is slow."""


class OverRedis(Runtime):
    """The part that all runtimes share."""

    component: str

    def reason_to_skip(self, case: Case) -> str | None:
        reason = super().reason_to_skip(case)
        if not reason and len(case.store.documents) > 1 and case.expect.status in (200, 304, 500):
            if not case.request.target.startswith(b"/v1/modules/"):
                return "the answer has the order of the store, and a hash has none"
        if not reason and case.store.body is not None:
            return "a body of documents in the order of the store, and a hash has none"
        return reason

    @contextmanager
    def serve(self, store: Store, access: str | None) -> Iterator[tuple[str, int]]:
        with Redis().running() as store_server:
            store_server.fill(KEY, dict(map(_field, enumerate(store.documents))))
            # A store without documents is a missing key.
            with self.over(store_server, access, CCS_REDIS_MISSING="empty") as address:
                yield address

    def over(self, store: Redis, access: str | None = ANYBODY, *options: str, **environment: str):
        """Serves from this Redis. An empty setting is left out."""
        environment = {
            "CCS_ACCESS": access,
            "CCS_REDIS_ADDRESS": store.address,
            "CCS_REDIS_PASSWORD": store.password,
            **PATIENCE,
            **environment,
        }
        options = options or ("-S", "inherit-network")
        given = {name: value for name, value in environment.items() if value}
        return self.served(options, given)

    def served(self, options: tuple[str, ...], environment: dict[str, str]):
        """Serves the component in this environment."""
        raise NotImplementedError

    def outcomes(self, case_list: list[Case]) -> Iterator[tuple[Case, object]]:
        yield from super().outcomes(case_list)
        with Redis().running() as store:
            yield from self.listed(store)
            yield from self.refused(store)
        yield from self.recovers()
        yield from self.not_redis()
        yield from self.in_pieces()

    def listed(self, store: Redis) -> Iterator[tuple[Case, object]]:
        """A whole body, stored in another order than it is listed in."""
        modules = json.loads((cases.FOLDER / "bodies/8.x.json").read_bytes())
        documents = {module["uid"].encode(): _compact(module) for module in modules}
        store.fill(KEY, dict(reversed(documents.items())))
        in_order = sorted(modules, key=lambda it: (it["module_name"], -it["version"]))
        expect = 200, b"[" + b",".join(map(_compact, in_order)) + b"]\n"
        about = "a hash is listed by name, and of a name the newest version first"
        yield self.asked("redis-order", about, self.over(store), expect)

        name = store.address.replace(HOST, "localhost")
        options = ("-S", "inherit-network,allow-ip-name-lookup")
        serving = self.over(store, ANYBODY, *options, CCS_REDIS_ADDRESS=name)
        yield self.asked("redis-by-name", "a host has a name", serving, expect)

        serving = self.over(store, CCS_REDIS_USER="default")
        yield self.asked("redis-user", "a user has a name", serving, expect)

        missing = f"the key others is missing in database 0 of redis at {store.address}"
        todo = "load a catalog into it, or set CCS_REDIS_MISSING=empty"
        description = f"the store is unavailable: {missing}: {todo}"
        expect = failure(503, "store_unavailable", description)
        serving = self.over(store, CCS_REDIS_KEY="others")
        yield self.asked("redis-key-missing", "a missing key is named", serving, expect)

        serving = self.over(store, CCS_REDIS_KEY="others", CCS_REDIS_MISSING="empty")
        about = "a missing key may be an empty store"
        yield self.asked("redis-key-missing-empty", about, serving, (200, b"[]\n"))

    def refused(self, store: Redis) -> Iterator[tuple[Case, object]]:
        """Errors for actions that Redis or the host does not allow."""
        denied = f"the store denied access: redis at {store.address} "
        credentials = "check CCS_REDIS_USER and CCS_REDIS_PASSWORD"
        description = f"{denied}does not accept the credentials: {credentials}"
        expect = failure(503, "store_unavailable", description)
        serving = self.over(store, CCS_REDIS_PASSWORD="wrong")
        yield self.asked("redis-password-wrong", "a wrong password is told", serving, expect)

        description = f"{denied}asks for a password: set CCS_REDIS_PASSWORD"
        expect = failure(503, "store_unavailable", description)
        serving = self.over(store, CCS_REDIS_PASSWORD="")
        yield self.asked("redis-password-missing", "a missing password is told", serving, expect)

        store.command(b"ACL", b"SETUSER", b"writer", b"on", b">pass", b"~*", b"+hset")
        read = f"read the key {KEY}: allow HGET, HVALS and EXISTS on it"
        expect = failure(503, "store_unavailable", f"{denied}does not let this user {read}")
        serving = self.over(store, CCS_REDIS_USER="writer", CCS_REDIS_PASSWORD="pass")
        yield self.asked("redis-not-permitted", "a user who may not read is told", serving, expect)

        store.command(b"SET", b"others", b"[]")
        held = f"the key others of redis at {store.address} does not hold a hash"
        description = f"the store failed: {held}: check CCS_REDIS_KEY"
        expect = failure(500, "store_failed", description)
        serving = self.over(store, CCS_REDIS_KEY="others")
        yield self.asked("redis-wrong-type", "a key that is no hash is told", serving, expect)

        for address in ("", ":1", "host:port"):
            expected = "CCS_REDIS_ADDRESS: expected HOST or HOST:PORT"
            unset = "CCS_REDIS_ADDRESS is not set: set it to HOST or HOST:PORT of a redis"
            description = expected if address else unset
            expect = failure(500, "store_failed", f"the store failed: {description}")
            serving = self.over(store, CCS_REDIS_ADDRESS=address)
            about = "a setting that is ill-formed is told by its name"
            yield self.asked(f"redis-address-{address or 'unset'}", about, serving, expect)

    def recovers(self) -> Iterator[tuple[Case, object]]:
        """One service, and a Redis that is first down, then up, then slow, then up again."""
        store = Redis()
        unavailable = "the store is unavailable: "
        refused = f"{unavailable}cannot connect to redis at {store.address}: connection refused"
        late = f"{unavailable}redis at {store.address} did not answer within 500 ms"
        settings = {"CCS_REDIS_MISSING": "empty", "CCS_REDIS_TIMEOUT_MS": "500"}
        with self.over(store, **settings) as address:
            ask = lambda: _status_and_body(http.ask(address, get("/v1/modules")))
            about = "a Redis that is down is told, and asked again with the next request"
            expect = failure(503, "store_unavailable", refused)
            yield extra("redis-down", about, expect), ask()
            with store.running():
                yield extra("redis-up", about, (200, b"[]\n")), _last_of(ask)
                with store.stopped():
                    about = "a Redis that does not answer is given up, and asked again"
                    expect = failure(503, "store_unavailable", late)
                    yield extra("redis-slow", about, expect), ask()
                yield extra("redis-awake", about, (200, b"[]\n")), _last_of(ask)
            expect = failure(503, "store_unavailable", refused)
            yield extra("redis-down-again", about, expect), ask()

    def not_redis(self) -> Iterator[tuple[Case, object]]:
        """Another program listens on the port of Redis."""
        for name, says, expect in [
            ("hangs-up", b"", (503, "store_unavailable", CLOSED)),
            (
                "speaks-http",
                b"HTTP/1.1 400 Bad Request\r\n\r\n",
                (500, "store_failed", OTHERWISE),
            ),
            (
                "stops-within",
                b"+OK\r\n*2\r\n$2\r\n{}\r\n",
                (503, "store_unavailable", CLOSED),
            ),
            (
                "is-odd",
                b"+OK\r\n*1\r\n:1\r\n",
                (500, "store_failed", OTHERWISE),
            ),
        ]:
            store = Redis()
            status, code, description = expect
            expect = failure(status, code, description.format(store.address))
            with _says(store.port, says):
                about = "something else than Redis listens, and it is told"
                yield self.asked(f"redis-{name}", about, self.over(store), expect)

    def in_pieces(self) -> Iterator[tuple[Case, object]]:
        """A reply that arrives element by element: each piece ends at a place at which a reply may end, too."""
        documents = [b'{"uid":"%02d"}' % number for number in range(12)]
        elements = [b"$%d\r\n%s\r\n" % (len(it), it) for it in documents]
        store = Redis()
        with _says(store.port, b"+OK\r\n", b"*12\r\n", *elements):
            about = "a list of 12 modules arrives one element every 30 ms"
            expect = 200, b"[" + b",".join(documents) + b"]\n"
            yield self.asked("redis-in-pieces", about, self.over(store), expect)

    def asked(self, name: str, about: str, serving, expect: object) -> tuple[Case, object]:
        with serving as address:
            found = _status_and_body(http.ask(address, get("/v1/modules"), seconds=60))
        return extra(name, about, expect), found


class WasmtimeRedis(OverRedis):
    def __init__(self, wasi: str, component: str):
        self.name = f"wasmtime-{wasi}-redis"
        self.component = component

    def install(self) -> None:
        wasmtime()
        redis.install()

    def served(self, options: tuple[str, ...], environment: dict[str, str]):
        return served(artifact(self.component), *options, environment=environment)

    def refused(self, store: Redis) -> Iterator[tuple[Case, object]]:
        yield from super().refused(store)
        where = f"cannot connect to redis at {store.address}"
        description = f"the store denied access: {where}: this component may not use the network"
        expect = failure(503, "store_unavailable", description)
        serving = self.over(store, ANYBODY, "-S", "cli")
        yield self.asked("redis-no-network", "a host that gives no network is told", serving, expect)


class NodeRedis(JcoServe, OverRedis):
    name = "node-redis"
    component = "ccs_modules_wasi_http_redis.wasm"

    def install(self) -> None:
        super().install()
        redis.install()

    def served(self, options: tuple[str, ...], environment: dict[str, str]):
        return self.jco_serve(environment)


@contextmanager
def _says(port: int, *pieces: bytes) -> Iterator[None]:
    """A server that reads a command, sends these pieces 30 ms apart, and closes the connection."""

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                for number, piece in enumerate(pieces):
                    time.sleep(0.03 if number else 0)
                    connection.sendall(piece)

    with socket.create_server((HOST, port)) as listener:
        thread = Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _last_of(ask, tries: int = 20) -> object:
    """The answer after late ones: on a busy machine a right answer may be late."""
    for _ in range(tries):
        found = ask()
        if b" within " not in found[1]:
            break
    return found


def _field(numbered: tuple[int, bytes]) -> tuple[bytes, bytes]:
    """A document under its uid; one without a uid under its number."""
    number, document = numbered
    try:
        return json.loads(document)["uid"].encode(), document
    except (ValueError, KeyError, AttributeError, TypeError):
        return f"malformed-{number}".encode(), document


def _compact(module: dict) -> bytes:
    return json.dumps(module, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def _status_and_body(response: cases.Response) -> tuple[int, bytes]:
    return response.status, response.body


RUNTIMES = [
    WasmtimeRedis("0.2", "ccs_modules_wasi_http_redis.wasm"),
    WasmtimeRedis("0.3", "ccs_modules_wasi_http_p3_redis.wasm"),
    NodeRedis(),
]

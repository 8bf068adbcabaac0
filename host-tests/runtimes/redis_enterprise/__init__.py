"""Clients of the real server, unmodified, with `ccs-modules serve` as their server: the crate
`redis-enterprise`, in the small program of `redis_enterprise/`, and the command `redisctl`."""

import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from harness import mirror, redis
from harness.artifacts import WORKSPACE, program
from harness.cache import command, from_crate, from_sources
from harness.cases import Case, Store, extra
from harness.process import ReservedPort, running
from harness.redis import Redis
from harness.runtime import Runtime

PACKAGE = Path(__file__).resolve().parent
REDISCTL = "0.13.0"

ROLES = {
    "admin", "cluster_member", "cluster_viewer", "db_member", "db_viewer", "none", "user_manager",
}  # fmt: skip
"""The management roles. An access policy accepts no others."""

USER, PASSWORD = "ann", "secret"
"""The credentials of every client here."""


class Crate(Runtime):
    """The typed cases, run by the crate's list and get."""

    def __init__(self, name: str, scheme: str, *, mirrored: bool = False):
        self.name = name
        self.scheme = scheme
        self.mirrored = mirrored

    def install(self) -> None:
        client()

    def prepare(self) -> None:
        program()

    def reason_to_skip(self, case: Case) -> str | None:
        if case.over_http:
            return "a request of the case's own, and this client makes its own"
        if case.call not in ("list_modules", "get_module"):
            return "a lookup, which this client does not know"
        if not ROLES.issuperset(case.roles):
            return "a role that there is not, and an access policy refuses it"
        if case.store.snapshot() is None:
            return "the store fails, lies or stalls, and this server's store is a file"
        if any(isinstance(document.get("platforms"), list) for document in expected(case)):
            return "platforms that are an array, and this client reads none"
        uid = case.arguments.get("uid", "")
        if quote(uid, safe="") != uid:
            return "a uid that this client does not percent-encode"
        if kind := next(iter(case.expect.get("error", {})), None):
            if kind not in ERRORS:
                return "a malformed document, and this server's store is a file, checked as a whole"
        return mirror.reason_to_skip(case)

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        started_with = lambda case: (repr(case.store), case.roles)
        for _, group in groupby(sorted(cases, key=started_with), key=started_with):
            alike = list(group)
            with as_file(alike[0].store) as file, self._store(file) as store:
                with serving(store, alike[0].roles, self.scheme) as url:
                    answers = asked(url, [case.arguments.get("uid") for case in alike])
            yield from ((case, as_in(case, answer)) for case, answer in zip(alike, answers))

    def _store(self, file: str) -> AbstractContextManager[str]:
        """The file, or a server over it that is mirrored."""
        return upstream(file) if self.mirrored else nullcontext(file)


class Redisctl(Runtime):
    """`redisctl enterprise module list` and `module get`, over each kind of store."""

    name = "redisctl"

    def install(self) -> None:
        redisctl()
        redis.install()

    def prepare(self) -> None:
        program()

    def reason_to_skip(self, case: Case) -> str | None:
        return "this client has its own cases"

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        catalog = (WORKSPACE / "host/src/stores/demo.json").read_bytes()
        modules = json.loads(catalog)
        with as_file(Store(body=catalog)) as file, Redis().running() as store, upstream(file) as node:
            load(file, store)
            stores = {"demo": "demo", "file": file, "redis": url_of(store), "mirror": node}
            for name, address in stores.items():
                for scheme in ("http", "https"):
                    with serving(address, ("db_viewer",), scheme) as url:
                        found = ran(url, "list")
                        one = ran(url, "get", modules[5]["uid"])
                    # The list from a hash is ordered by name and version.
                    order = (lambda it: it["uid"]) if name == "redis" else (lambda it: 0)
                    about = f"the list, from {name} over {scheme}"
                    expect = sorted(modules, key=order)
                    yield extra(f"list-{name}-{scheme}", about, expect), sorted(found, key=order)
                    yield extra(f"get-{name}-{scheme}", "one module", modules[5]), one


RUNTIMES = [
    Crate("redis-enterprise-http", "http"),
    Crate("redis-enterprise-https", "https"),
    Crate("redis-enterprise-mirror", "http", mirrored=True),
    Redisctl(),
]

ERRORS = {"forbidden": 403, "not_found": "not_found"}
"""The crate's errors for the contract's errors, as far as the crate distinguishes them."""

FIELDS = {
    "uid", "module_name", "display_name", "semantic_version", "version", "author", "email", "homepage",
    "description", "license", "capabilities", "command_line_args", "config_command",
    "min_redis_version", "compatible_redis_version", "is_bundled",
}  # fmt: skip
"""The fields of a module that the contract and the crate share."""


def expected(case: Case) -> list[dict]:
    """The documents that the case expects."""
    modules = case.expect.get("ok", [])
    modules = modules if isinstance(modules, list) else [modules]
    return [json.loads(module["document"]) for module in modules]


def as_in(case: Case, answer: dict) -> object:
    """The crate's answer in the form of a case's outcome, so that the two can be compared."""
    if "ok" not in answer:
        kinds = [kind for kind, error in ERRORS.items() if error == answer["error"]]
        return {"error": {kinds[0]: None}} if kinds else answer
    found, expected = answer["ok"], case.expect.get("ok")
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        return {"ok": [_module(*pair) for pair in zip(found, expected)]}
    if isinstance(found, dict) and isinstance(expected, dict):
        return {"ok": _module(found, expected)}
    return answer


def _module(found: dict, expected: dict) -> dict:
    module = {name: value for name, value in _without_nulls(found).items() if name in FIELDS}
    # A missing list is an empty one for the crate, and the crate keeps no document.
    return {"capabilities": [], **module, "document": expected["document"]}


def asked(url: str, uids: list[str | None]) -> list[dict]:
    """The crate's answer for each uid; a null uid asks for the list."""
    questions = [{"url": url, "user": USER, "password": PASSWORD, "uid": uid} for uid in uids]
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    done = subprocess.run([client()], input=lines, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise RuntimeError(f"the client failed: {done.stderr[-4000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def ran(url: str, *words: str) -> object:
    """The output of `redisctl enterprise module`, as JSON."""
    with tempfile.TemporaryDirectory() as home:
        environment = {
            "HOME": home,
            "PATH": os.environ["PATH"],
            "REDIS_ENTERPRISE_URL": url,
            "REDIS_ENTERPRISE_USER": USER,
            "REDIS_ENTERPRISE_PASSWORD": PASSWORD,
            "REDIS_ENTERPRISE_INSECURE": "true",
        }
        words = [redisctl(), "enterprise", "module", *words, "--output", "json"]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise RuntimeError(f"redisctl failed: {done.stderr[-4000:]}")
    # The crate prints null for each field that it knows and the module does not have.
    return json.loads(done.stdout, object_hook=_without_nulls)


def _without_nulls(found: dict) -> dict:
    return {name: value for name, value in found.items() if value is not None}


@contextmanager
def as_file(store: Store) -> Iterator[str]:
    """The address of a file store with the same content."""
    with tempfile.NamedTemporaryFile() as modules:
        modules.write(store.snapshot())
        modules.flush()
        yield f"file:{modules.name}"


@contextmanager
def serving(store: str, roles: tuple[str, ...], scheme: str) -> Iterator[str]:
    """Serves a store to one user with these roles, at the URL that it gives."""
    digest = hashlib.sha256(PASSWORD.encode()).hexdigest()
    user = {"name": USER, "password_sha256": digest, "roles": list(roles)}
    port = ReservedPort()
    with tempfile.NamedTemporaryFile("w") as access:
        json.dump({"users": [user]}, access)
        access.flush()
        words = [program(), "serve", "--listen", f"127.0.0.1:{port}", "--access", access.name]
        words += ["--store", store, *(["--tls-self-signed"] if scheme == "https" else [])]
        # The credentials of a mirror at its upstream.
        credentials = {"REDIS_ENTERPRISE_USER": USER, "REDIS_ENTERPRISE_PASSWORD": PASSWORD}
        with running(words, port, env={**os.environ, **credentials}):
            yield f"{scheme}://127.0.0.1:{port}"


def upstream(file: str) -> AbstractContextManager[str]:
    """Serves a file as a cluster would, at the URL that it gives: the address of a store that is mirrored."""
    return serving(file, ("db_viewer",), "http")


def load(file: str, store: Redis) -> None:
    path = file.removeprefix("file:")
    command(program(), "load", path, "--into", url_of(store))


def url_of(store: Redis) -> str:
    return f"redis://:{store.password}@{store.address}"


@cache
def client() -> Path:
    """The program that uses the crate."""
    return from_sources(PACKAGE, "ccs-modules-redis-enterprise")


@cache
def redisctl() -> Path:
    # The features for the cloud, support uploads and keyrings are not needed here.
    return from_crate("redisctl", REDISCTL, "--no-default-features", "--features", "enterprise")

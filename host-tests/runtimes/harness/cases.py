"""The case list of `host-tests/cases`, whose README.md describes the format."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "cases"

ROLES_HEADER = "x-ccs-roles"
"""The header that carries a caller's roles over a socket, for cases that give roles and no policy."""

TRUSTED_HEADER = json.dumps({"trusted_header": ROLES_HEADER})
"""The access policy that makes a service trust that header."""

ANYBODY = '{"anonymous":["db_viewer"]}'
"""The access policy that lets every caller read."""

ARGUMENTS = {
    "list_modules": ("roles",),
    "get_module": ("roles", "uid"),
    "find_modules": ("roles", "name", "version"),
    "latest_modules": ("roles",),
    "fitting_modules": ("roles", "redis_version"),
    "differences": ("newer",),
    "handle": ("method", "target", "headers", "roles", "access"),
}
"""The calls, each with its arguments."""


@dataclass(frozen=True)
class Store:
    """The behaviour of a case's store."""

    documents: tuple[bytes, ...] = ()
    """The list, in this order."""
    by_uid: tuple[tuple[str, bytes], ...] = ()
    """Scripted answers by uid, which may be wrong ones."""
    body: bytes | None = None
    """A body of `GET /v1/modules` instead of documents."""
    error: tuple[str, str] | None = None
    """`(case, text)`: the error of every call; None if calls succeed."""
    stalls: bool = False
    """Whether no call is ever answered."""

    def snapshot(self) -> bytes | None:
        """The store as the body of `GET /v1/modules`; None if no such body can stand for it."""
        if self.error or self.stalls or self.by_uid:
            return None
        if self.body is not None:
            return self.body
        body = b"[" + b",".join(self.documents) + b"]\n"
        return body if split(body) == self.documents else None


@dataclass(frozen=True)
class Request:
    method: str
    target: bytes
    headers: tuple[tuple[str, bytes], ...]

    def reason_unsendable(self) -> str | None:
        """The reason why this request cannot be an HTTP/1.1 message; None if it can."""
        if any(byte <= 0x20 or byte == 0x7F for byte in self.target) or not self.target:
            return "the target is none that HTTP can carry"
        if not self.method.isascii() or not self.method.isprintable() or " " in self.method:
            return "the method is none that HTTP can carry"
        for name, value in self.headers:
            if not name or value != value.strip(b" \t") or any(byte in b"\0\r\n" for byte in value):
                return "a header is none that HTTP can carry"
        return None


@dataclass(frozen=True)
class Response:
    status: int
    headers: tuple[tuple[str, bytes], ...]
    """The header fields, sorted by name, with names in lower case."""
    body: bytes


@dataclass(frozen=True)
class Case:
    """One case. Its `call` is `handle`, or one of the typed calls."""

    name: str
    about: str
    store: Store
    call: str
    roles: tuple[str, ...] | None
    """The caller's roles; None if the caller is not authenticated, or if `access` finds the roles."""
    arguments: dict
    """The arguments of a typed call, by name."""
    request: Request | None
    """The request of `handle`. `sent` is its form over a socket."""
    access: str | None
    """The access policy under which a service answers this case over a socket; None for no policy."""
    roles_by_access: bool
    """Whether the case gives the policy itself. If not, it gives roles."""
    other_is_malformed: bool
    """Whether a document beside the one that is asked for is malformed."""
    expect: object
    """A `Response`, or the answer of a typed call, as in the case file."""

    @property
    def over_http(self) -> bool:
        return self.call == "handle"

    @property
    def sent(self) -> Request:
        """The request in the form for a socket, where roles are a header."""
        request = self.request
        if self.roles is None or self.roles_by_access:
            return request
        roles = (ROLES_HEADER, ",".join(self.roles).encode())
        return Request(request.method, request.target, (*request.headers, roles))


def extra(name: str, about: str, expect: object) -> Case:
    """A case of one runtime, for what the case list cannot express."""
    return Case(name, about, Store(), "handle", None, {}, None, None, False, False, expect)


def get(target: str) -> Request:
    return Request("GET", target.encode(), ())


HEAD = Request("HEAD", b"/v1/modules", ())


def failure(status: int, code: str, description: str) -> tuple[int, bytes]:
    """The status and the body of an error."""
    return status, f'{{"description":"{description}","error_code":"{code}"}}\n'.encode()


def load() -> list[Case]:
    """Every case, by name."""
    return [_case(path) for path in sorted(FOLDER.glob("*/*.json")) if path.parent.name != "bodies"]


def groups(cases: Iterable[Case]) -> Iterator[tuple[Store, str | None, list[Case]]]:
    """The cases over HTTP, grouped by the settings of their service: `(store, access, cases)`."""
    started_with = lambda case: (repr(case.store), case.access or "")
    of_http = sorted((case for case in cases if case.over_http), key=started_with)
    for _, group in groupby(of_http, key=started_with):
        alike = list(group)
        yield alike[0].store, alike[0].access, alike


def split(body: bytes) -> tuple[bytes, ...]:
    """The documents of a body, found by their brackets."""
    documents, depth, start = [], 0, 0
    for token in re.finditer(rb'"(?:[^"\\]|\\.)*"|[][{}]', body, re.DOTALL):
        if token[0] in (b"{", b"["):
            depth += 1
            start = token.start() if depth == 2 else start
        elif token[0] in (b"}", b"]"):
            depth -= 1
            if depth == 1:
                documents.append(body[start : token.end()])
    return tuple(documents)


def _case(path: Path) -> Case:
    try:
        case = json.loads(path.read_bytes())
        _refuse_others(case, "about", "store", "call", "other_is_malformed", "expect")
        ((call, arguments),) = case["call"].items()
        _refuse_others(arguments, *ARGUMENTS[call])
        request, access, roles_by_access = None, None, False
        if call == "handle":
            headers = tuple((name, _text(value)) for name, value in arguments.get("headers", []))
            request = Request(arguments["method"], _text(arguments["target"]), headers)
            roles_by_access = "access" in arguments
            policy = arguments.get("access")
            access = TRUSTED_HEADER if not roles_by_access else policy and json.dumps(policy)
        roles = arguments.get("roles")
        texts = {name: _text(arguments[name]).decode() for name in ("uid", "newer") if name in arguments}
        return Case(
            name=str(path.relative_to(FOLDER).with_suffix("")),
            about=case["about"],
            store=_store(case["store"]),
            call=call,
            roles=None if roles is None else tuple(roles),
            arguments={} if call == "handle" else {**arguments, **texts},
            request=request,
            access=access,
            roles_by_access=roles_by_access,
            other_is_malformed=case.get("other_is_malformed", False),
            expect=_outcome(case["expect"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error!r}") from error


def _refuse_others(found: dict, *known: str) -> None:
    """Refuses a misspelt key, which would leave out what the case is about."""
    if others := found.keys() - set(known):
        raise ValueError(f"expected {', '.join(known)}, found {', '.join(sorted(others))}")


def _store(store: dict) -> Store:
    _refuse_others(store, "documents", "by_uid", "body", "error", "stall")
    if "documents" in store:
        by_uid = store.get("by_uid", {})
        return Store(
            documents=tuple(map(_text, store["documents"])),
            by_uid=tuple((uid, _text(text)) for uid, text in by_uid.items()),
        )
    if "body" in store:
        return Store(body=_text(store["body"]))
    if "error" in store:
        ((kind, text),) = store["error"].items()
        return Store(error=(kind, text))
    return Store(stalls=store["stall"])


def _outcome(expect: dict) -> object:
    _refuse_others(expect, "status", "headers", "body", "error", "ok")
    if "status" in expect:
        headers = sorted((name, _text(value)) for name, value in expect["headers"])
        return Response(expect["status"], tuple(headers), _text(expect["body"]))
    if "error" in expect:
        ((kind, text),) = expect["error"].items()
        return {"error": {kind: None if text is None else _text(text).decode()}}
    return {"ok": _answer(expect["ok"])}


def _answer(answer: object) -> object:
    """The answer of a typed call, with the texts of its modules as strings."""
    match answer:
        case list():
            return [_answer(one) for one in answer]
        case dict():
            texts = {name: _text(answer[name]).decode() for name in ("uid", "document") if name in answer}
            return {**{name: _answer(value) for name, value in answer.items()}, **texts}
    return answer


def _text(text: str | list) -> bytes:
    """A text in the form of the case files: a string, or parts to be joined."""
    return text.encode() if isinstance(text, str) else b"".join(map(_part, text))


def _part(part: str | dict) -> bytes:
    match part:
        case str():
            return part.encode()
        case {"repeat": text, "times": times}:
            return text.encode() * times
        case {"base64": text}:
            return base64.b64decode(text, validate=True)
        case {"file": name}:
            return (FOLDER / name).read_bytes()
    raise ValueError(f"no part of a text: {part!r}")

"""Mirrors: the catalog of a cluster, kept fresh over the cluster's REST API."""

import json
import logging
import os
import secrets
import ssl
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

from wasmtime.component import Record, Variant

from ccs_modules._component import Standalone, as_text, request
from ccs_modules._http import fetched
from ccs_modules._list import listed
from ccs_modules.catalog import Module, Response, malformed, module, ok
from ccs_modules.lookup import Lookups

_log = logging.getLogger("ccs_modules")

_STORED_SECONDS = 3600
"""The time after which a catalog that is unchanged is stored again: then its age is near the truth."""


class ConfigurationError(ValueError):
    """The configuration of a mirror is refused. The message names the option and shows no value."""


@dataclass(frozen=True)
class Saved:
    """A catalog to store. It holds no credentials."""

    nodes: list[str]
    """The nodes that were configured."""
    body: str
    """The body of the list."""
    validator: str | None
    """An opaque text by which the upstream can be asked whether the catalog is unchanged."""
    made_at: float
    """The moment of the catalog, in seconds since 1970."""


@dataclass(frozen=True)
class Status:
    """The state of a mirror, for metrics."""

    age: float | None
    """The age of the catalog in seconds; None if there is none."""
    freshness: Literal["fresh", "stale", "unavailable"]
    """Whether there are answers: the upstream was asked within two refresh intervals (`fresh`), it was
    not (`stale`), or there is no catalog that may answer (`unavailable`)."""
    reason: str | None
    """The reason why the catalog is not fresh."""
    node: int
    """The index of the node that is asked now or next."""
    changed: int
    """The number of fetches that brought another catalog than before, or the first one."""
    unchanged: int
    """The number of fetches that brought the same catalog as before."""
    redirected: int
    """The number of fetches that were redirected."""
    failed: int
    """The number of fetches that failed."""


class Mirror(Lookups):
    """The catalog of a cluster, kept fresh over the cluster's REST API, and kept when the cluster does
    not answer. The component decides when to fetch, from which node, and what may be answered.

        with Mirror({"nodes": ["https://node1:9443"]}) as mirror:
            mirror.list_modules(["db_viewer"])

    Threads may share a mirror.
    """

    def __init__(
        self,
        configuration: Mapping[str, Any] | str,
        *,
        tls: ssl.SSLContext | None = None,
        snapshot_file: str | os.PathLike[str] | None = None,
    ):
        """Makes a mirror that holds nothing yet. Raises `ConfigurationError`.

        `configuration` is JSON or its value. Required: `nodes`, a list of URLs. Optional: `credentials`
        (`user` and `password`), `headers`, `list` (the path), `refresh_ms` (30000),
        `stale_if_error_ms` (86400000), `timeout_ms` (5000), `body_bytes` (8388608), `limits`.

        `tls` trusts authorities of your own: `ssl.create_default_context(cafile="ca.pem")`.
        `snapshot_file` keeps the catalog, to start while the cluster is down.
        """
        text = configuration if isinstance(configuration, str) else json.dumps(configuration)
        self._component = Standalone()
        made = self._component.call("mirror", "[static]mirror.open", text, secrets.randbits(64))
        if isinstance(made, str):
            raise ConfigurationError(made)
        self._resource = made
        self._nodes: list[str] = json.loads(text)["nodes"]
        self._tls = tls
        self._file = None if snapshot_file is None else Path(snapshot_file)
        self._stored_at = 0.0
        self._logged: str | None = None
        self._background: _Background | None = None
        self._load()

    def start(self) -> None:
        """Keeps the catalog fresh in a thread until `stop` is called. Returns once the first fetch has
        ended, well or not."""
        if self._background is None:
            self.refresh()
            self._background = _Background(self)

    def stop(self) -> None:
        """Ends the thread. The mirror goes on answering from what it holds."""
        if self._background is not None:
            self._background.stop()
            self._background = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def refresh(self) -> float:
        """Sends the request that is due now, if there is one. Returns the time in seconds after which to
        call this again."""
        while True:
            now = _now()
            due: Variant = self._method("poll", now)
            # A mirror of a cluster never asks to read a store.
            if due.tag != "fetch":
                return max(0, int(due.payload) - now) / 1000
            if self._send(due.payload) != "redirected":
                return 0.0

    def list_modules(self, roles: list[str]) -> list[Module]:
        """Returns every module, in the order of the list. Raises `CatalogError`."""
        return listed(self._method("handle", _now(), request("GET", "/v1/modules", [], roles, False)))

    def get_module(self, roles: list[str], uid: str) -> Module:
        """Returns the module with this uid. Raises `CatalogError`."""
        return module(ok(self._method("get-module", _now(), roles, uid)))

    def handle(
        self,
        method: str,
        target: str,
        headers: list[tuple[str, bytes]],
        roles: list[str] | None,
        *,
        anonymous: bool = False,
    ) -> Response:
        """Answers an HTTP request, with its `age`; `roles` is None for a caller who is not authenticated.

        `anonymous` says that every request has these roles, so that shared caches may keep the
        responses. Every failure is a response.
        """
        made = request(method, target, as_text(headers), roles, anonymous)
        response = self._method("handle", _now(), made)
        return Response(response.status, response.headers, response.body.encode())

    @property
    def status(self) -> Status:
        """The state of the mirror."""
        status = self._method("status", _now())
        freshness, reason = _freshness(status.freshness)
        return Status(
            age=None if status.age is None else status.age / 1000,
            freshness=freshness,
            reason=reason,
            node=status.node,
            changed=status.changed,
            unchanged=status.unchanged,
            redirected=status.redirected,
            failed=status.failed,
        )

    def save(self) -> Saved | None:
        """Returns the catalog to store; None if none is held."""
        saved = self._method("save", _now())
        if saved is None:
            return None
        return Saved(self._nodes, saved.body, saved.validator, time.time() - saved.age / 1000)

    def restore(self, saved: Saved) -> None:
        """Holds a catalog that was saved, unless one is held already. Raises `Malformed`."""
        made: Any = Record()
        made.body, made.validator = saved.body, saved.validator
        made.age = max(0, int((time.time() - saved.made_at) * 1000))
        if isinstance(refused := self._method("restore", _now(), made), Record):
            raise malformed(refused)

    def _look_up(self, function: str, *arguments: object) -> Any:
        return self._method(function, _now(), *arguments)

    def _method(self, name: str, *arguments: object) -> Any:
        return self._component.call("mirror", f"[method]mirror.{name}", self._resource, *arguments)

    def _send(self, fetch: Any) -> str:
        """Sends a request, and returns the tag of the outcome."""
        response = fetched(fetch, self._tls)
        name = "failed" if isinstance(response, str) else "answered"
        outcome: Variant = self._method(name, _now(), fetch.id, response)
        self._tell(outcome.tag)
        self._store(outcome.tag)
        return outcome.tag

    def _tell(self, outcome: str) -> None:
        """Logs when the catalog is stale or may not answer any more, and when it is fresh again, once
        each."""
        if outcome == "failed":
            status = self.status
            if status.freshness not in ("fresh", self._logged):
                self._logged = status.freshness
                stale = status.freshness == "stale"
                what = "is stale" if stale else "has no catalog that may answer"
                _log.error("the mirror %s: %s", what, status.reason)
        elif self._logged is not None and outcome in ("changed", "unchanged"):
            self._logged = None
            _log.warning("the mirror is fresh again")

    def _load(self) -> None:
        """Holds the catalog of the snapshot file, if there is one."""
        if self._file is None:
            return
        try:
            saved = Saved(**json.loads(self._file.read_text()))
            if not set(saved.nodes) & set(self._nodes):
                _log.error("the snapshot file %s is of another cluster, and is not used", self._file)
                return
            self.restore(saved)
            self._stored_at = saved.made_at
        except FileNotFoundError:
            pass
        except Exception as error:
            _log.error("the snapshot file %s cannot be read: %s", self._file, error)

    def _store(self, outcome: str) -> None:
        """Stores a catalog that is new, and one that was revalidated a while after it was stored."""
        is_late = time.time() - self._stored_at > _STORED_SECONDS
        if self._file is None or not (outcome == "changed" or outcome == "unchanged" and is_late):
            return
        saved = self.save()
        if saved is None:
            return
        try:
            _replace(self._file, json.dumps(asdict(saved)))
            self._stored_at = saved.made_at
        except OSError as error:
            _log.error("the snapshot file %s cannot be written: %s", self._file, error.strerror)


class _Background:
    """The thread that refreshes a mirror."""

    def __init__(self, mirror: Mirror):
        self._mirror = mirror
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ccs-modules-mirror", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self._mirror.refresh()):
            pass


def _now() -> int:
    """The present moment, by a clock that does not go back."""
    return time.monotonic_ns() // 1_000_000


def _freshness(found: Any) -> tuple[Literal["fresh", "stale", "unavailable"], str | None]:
    if isinstance(found, int):
        return "fresh", None
    return ("unavailable", found) if isinstance(found, str) else ("stale", found.reason)


def _replace(path: Path, text: str) -> None:
    """Replaces a file as a whole."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        file.write(text)
    os.replace(file.name, path)

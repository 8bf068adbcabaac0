"""Mirrors: catalogs that are kept fresh from a cluster or from a store of your own."""

import json
import logging
import os
import secrets
import ssl
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from wasmtime.component import Record, Variant

from ccs_modules._catalog import Catalog
from ccs_modules._component import ComponentFailed, ComponentGone, Resource
from ccs_modules._http import fetched
from ccs_modules._saved import Saved, saved_in, written
from ccs_modules.catalog import Malformed, malformed
from ccs_modules.store import Store, read

_log = logging.getLogger("ccs_modules")

_STORED_SECONDS = 3600
"""The time after which a catalog that is unchanged is stored again, so that its stored age stays accurate."""


class ConfigurationError(ValueError):
    """The configuration of a mirror is refused. The message names the option and shows no value."""


@dataclass(frozen=True)
class Status:
    """The state of a mirror, for metrics."""

    age: float | None
    """The age of the catalog in seconds; None without a catalog, or if its age is unknown."""
    freshness: Literal["fresh", "stale", "unavailable"]
    """Whether there are answers: the catalog is as fresh as it is meant to be (`fresh`), it is not
    (`stale`), or there is no catalog that may answer (`unavailable`)."""
    reason: str | None
    """The reason why the catalog is not fresh."""
    failure: str | None
    """The reason of the last failure, if no fetch has succeeded since."""
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


class Mirror(Catalog):
    """A catalog that is kept fresh from its source, and kept when the source does not answer. The source
    is a cluster, over its REST API, or a store of your own. The component decides when to ask, which
    node, and what may be answered.

        with Mirror({"nodes": ["https://node1:9443"]}) as mirror:
            mirror.list_modules(["db_viewer"])

    Threads may share a mirror.
    """

    def __init__(
        self,
        configuration: Mapping[str, Any] | str,
        *,
        store: Store | None = None,
        tls: ssl.SSLContext | None = None,
        snapshot_file: str | os.PathLike[str] | None = None,
    ):
        """Makes a mirror without a catalog. Raises `ConfigurationError`.

        `configuration` is JSON or its value. Required for a cluster: `nodes`, a list of URLs. Optional
        for a cluster: `credentials` (`user` and `password`, or `token`), `headers`, `list` (the path),
        `body_bytes` (8388608), `stale_if_denied_ms` (3600000), `fresh_age_ms` (300000), `allow_empty` (False).
        Optional: `refresh_ms` (30000), `stale_if_error_ms` (86400000), `timeout_ms` (5000), `limits`.

        `store` is the source, if it is not a cluster. The thread of the mirror calls it, and it has to
        return within `timeout_ms`.

        `tls` trusts authorities of your own: `ssl.create_default_context(cafile="ca.pem")`.
        `snapshot_file` keeps the catalog, to start while the source is down. A file that a mirror wrote
        and that is damaged is logged, and replaced. Any other file is refused.
        """
        text = configuration if isinstance(configuration, str) else json.dumps(configuration)
        self._configuration = text
        self._source = store
        self._resource = self._open()
        self._nodes: list[str] = json.loads(text)["nodes"] if store is None else []
        self._tls = tls
        self._file = None if snapshot_file is None else Path(snapshot_file)
        self._recovering, self._starting = threading.RLock(), threading.Lock()
        self._saved: Saved | None = None
        self._stored_at = 0.0
        self._logged: str | None = None
        self._background: _Background | None = None
        self._load()

    def start(self) -> None:
        """Keeps the catalog fresh in a thread until `stop` is called. Returns once the first fetch has
        ended, well or not."""
        with self._starting:
            if not self._is_running:
                self._background = _Background(self)
            background = self._background
        if background is not None:
            background.first.wait()

    def stop(self) -> None:
        """Ends the thread. The mirror still answers from its catalog."""
        if self._background is not None:
            self._background.stop()
            self._background = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def refresh(self) -> float:
        """Asks the source if that is due now. Returns the time in seconds after which to call this
        again."""
        while True:
            now = _now()
            poll = self._method("poll", now)
            if poll.tag == "wait":
                return max(0, int(poll.payload) - now) / 1000
            if self._ask(poll.payload) != "redirected":
                return 0.0

    @property
    def status(self) -> Status:
        """The state of the mirror."""
        status = self._method("status", _now())
        freshness, reason = _freshness(status.freshness)
        return Status(
            age=None if status.age is None else status.age / 1000,
            freshness=freshness,
            reason=reason,
            failure=status.failure,
            node=status.node,
            changed=status.changed,
            unchanged=status.unchanged,
            redirected=status.redirected,
            failed=status.failed,
        )

    def save(self) -> str | None:
        """Returns the catalog to store, a text without credentials; None if there is no catalog."""
        saved = self._save()
        return None if saved is None else written(saved)

    def restore(self, text: str) -> None:
        """Keeps a catalog that was saved, unless there is one already. Raises `ValueError` if a mirror did
        not write the text, or if it was cut off, and `Malformed`."""
        saved = saved_in(text)
        if saved is None:
            raise ValueError("the saved catalog was cut off")
        self._restore(self._resource, saved)

    @property
    def _is_running(self) -> bool:
        """Whether a thread of this process keeps the catalog fresh. After a fork, a child has none."""
        return self._background is not None and self._background.process == os.getpid()

    def _call(self, function: str, *arguments: object) -> Any:
        if self._background is not None and not self._is_running:
            self._background = None
            _log.error("the mirror was started before a fork, and is not refreshed in this process: start it here")
        return self._method(function, _now(), *arguments)

    def _method(self, name: str, *arguments: object) -> Any:
        """Calls a method. After a failure of the instance there is another one."""
        while True:
            resource = self._resource
            try:
                return resource.call(name, *arguments)
            except ComponentGone as error:
                self._recover(resource, error)
            except ComponentFailed as error:
                self._recover(resource, error)
                raise

    def _open(self) -> Resource:
        """Makes the mirror in a new instance of the component."""
        constructor = "open" if self._source is None else "open-store"
        seed = secrets.randbits(64)
        resource = Resource("mirror", "mirror", constructor, self._configuration, seed)
        if isinstance(resource.made, str):
            raise ConfigurationError(resource.made)
        return resource

    def _recover(self, failed: Resource, error: ComponentFailed) -> None:
        """Goes on with a new instance, from the catalog that was saved last."""
        with self._recovering:
            if self._resource is not failed:
                return  # Another thread was first.
            _log.error("%s; the mirror starts again", error)
            resource = self._open()
            try:
                if self._saved is not None:
                    self._restore(resource, self._saved)
            except ComponentFailed:
                _log.error("the catalog is lost")
                self._saved, resource = None, self._open()

            # The new instance counts this as a failed fetch, so that it does not ask again at once.
            poll = resource.call("poll", _now())
            if poll.tag != "wait":
                resource.call("failed", _now(), poll.payload.id, "the component failed")
            self._resource = resource

    def _ask(self, question: Any) -> str:
        """Asks the source, and returns the tag of the outcome."""
        if self._source is None:
            answer = fetched(question, self._tls)
        else:
            answer = read(self._source, question.unless)
        names = {str: "failed", Variant: "stored", Record: "answered"}
        try:
            tag: str = self._method(names[type(answer)], _now(), question.id, answer).tag
        except ComponentFailed:
            tag = "failed"
        self._log_state(tag)
        self._keep(tag)
        return tag

    def _log_state(self, outcome: str) -> None:
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
        """Keeps the catalog of the snapshot file, if there is one."""
        if self._file is None:
            return
        try:
            text = self._file.read_text(encoding="utf-8", errors="replace")
            saved = saved_in(text) if text else None
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it was not written by a mirror"
            raise ConfigurationError(f"the snapshot file {self._file}: {reason}") from None
        if saved is None:
            if text:
                _log.error("the snapshot file %s is damaged and is not used: it was cut off", self._file)
            return
        if (self._nodes or saved.nodes) and not set(saved.nodes) & set(self._nodes):
            _log.error("the snapshot file %s is of another cluster, and is not used", self._file)
            return
        try:
            self._restore(self._resource, saved)
            self._stored_at = saved.made_at / 1000
        except Malformed as error:
            _log.error("the snapshot file %s is damaged and is not used: %s", self._file, error)

    def _restore(self, resource: Resource, saved: Saved) -> None:
        made: Any = Record()
        made.body, made.validator, made.stale = saved.body, saved.validator, saved.stale
        since = _unix_ms() - saved.validated_at
        # By a clock that was set back, the catalog is of the future.
        made.age = None if since < 0 else _unix_ms() - saved.made_at
        setattr(made, "since-validation", max(0, since))
        if isinstance(refused := resource.call("restore", _now(), made), Record):
            raise malformed(refused)
        self._saved = saved

    def _save(self) -> Saved | None:
        saved = self._method("save", _now())
        if saved is None:
            return None
        now = _unix_ms()
        made_at, validated_at = now - saved.age, now - getattr(saved, "since-validation")
        return Saved(self._nodes, made_at, validated_at, saved.stale, saved.validator, saved.body)

    def _keep(self, outcome: str) -> None:
        """Keeps a catalog that is new or was confirmed for a new instance. Stores the new one, and the other
        a while after it was stored."""
        if outcome in ("changed", "unchanged"):
            self._saved = self._save()
        saved, is_late = self._saved, abs(time.time() - self._stored_at) > _STORED_SECONDS
        due = outcome == "changed" or outcome == "unchanged" and is_late
        if saved is None or self._file is None or not due:
            return
        try:
            _replace(self._file, written(saved))
            self._stored_at = saved.made_at / 1000
        except OSError as error:
            _log.error("the snapshot file %s cannot be written: %s", self._file, error.strerror)


class _Background:
    """The thread that refreshes a mirror."""

    def __init__(self, mirror: Mirror):
        self.first = threading.Event()
        """Whether the first fetch has ended."""
        self.process = os.getpid()
        """The process whose thread it is."""
        self._mirror = mirror
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ccs-modules-mirror", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        wait = 0.0
        while not self._stopped.wait(wait):
            try:
                wait = self._mirror.refresh()
            except Exception:
                _log.exception("the mirror failed")
                wait = _FAILED_SECONDS
            self.first.set()
        self.first.set()


_FAILED_SECONDS = 1.0
"""The time after which a mirror goes on after an exception."""


def _now() -> int:
    """The present moment, by a clock that does not go back."""
    return time.monotonic_ns() // 1_000_000


def _unix_ms() -> int:
    """The present moment, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def _freshness(found: Any) -> tuple[Literal["fresh", "stale", "unavailable"], str | None]:
    if isinstance(found, int):
        return "fresh", None
    return ("unavailable", found) if isinstance(found, str) else ("stale", found.reason)


def _replace(path: Path, text: str) -> None:
    """Replaces a file as a whole. Nothing is left behind if that fails."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        try:
            file.write(text)
            file.flush()
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise

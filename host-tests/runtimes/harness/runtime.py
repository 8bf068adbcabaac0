"""The interface of a runtime. Each package beside `harness` lists its own in `RUNTIMES`."""

import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from harness import http
from harness.cases import Case, Store, groups

FOLDER = Path(__file__).resolve().parents[1]


class Runtime:
    """A runtime that serves HTTP. A runtime that is called in another way overrides `outcomes`."""

    name: str

    def install(self) -> None:
        """Installs missing programs, without a question. A second call does nothing."""

    def prepare(self) -> None:
        """Builds the needs of the cases, before the time to the first answer begins to count."""

    def reason_to_skip(self, case: Case) -> str | None:
        """The reason why this case does not apply here; None if it does. Reasons are printed and
        counted."""
        if not case.over_http:
            return "a typed call, and this runtime serves HTTP"
        if case.store.stalls:
            return "the store stalls, and this runtime has no such store"
        if case.store.snapshot() is None:
            return "the store fails or lies, and this runtime's store is a list of documents"
        return case.sent.reason_unsendable()

    def serve(self, store: Store, access: str | None) -> AbstractContextManager[tuple[str, int]]:
        """Serves the store's modules under the access policy, at the address it gives."""
        raise NotImplementedError

    def outcomes(self, cases: list[Case]) -> Iterator[tuple[Case, object]]:
        """The outcome of each case. An exception is an outcome too."""
        for store, access, alike in groups(cases):
            try:
                with self.serve(store, access) as address:
                    for case in alike:
                        yield case, _asked(address, case)
            except RuntimeError as error:  # It did not start.
                yield from ((case, error) for case in alike)


def all_runtimes() -> list[Runtime]:
    """Every runtime, by package and in the order of the package's list."""
    packages = (found.name for found in pkgutil.iter_modules([str(FOLDER)]) if found.ispkg)
    lists = (importlib.import_module(name) for name in packages if name != "harness")
    return [runtime for package in lists for runtime in package.RUNTIMES]


def _asked(address: tuple[str, int], case: Case) -> object:
    try:
        return http.ask(address, case.sent)
    except (OSError, ValueError, IndexError) as error:
        return error

"""A store: the source of the module documents, and the errors that it reports."""

from typing import Protocol


class Ccs(Protocol):
    """A store. A document is one JSON object, UTF-8, exactly as stored.

    Both functions raise `StoreError` where the store has no answer. Any other exception is logged,
    and reported to the caller as a failure of the store without its text.
    """

    def list_documents(self) -> list[bytes]:
        """Returns every document. The order is kept all the way to the client."""

    def get_document(self, uid: str) -> bytes | None:
        """Returns the document stored under `uid`, or None if there is no such document."""


class StoreError(Exception):
    """A failure of the store. Clients see the text: one line, without credentials."""

    case = "other"


class StoreUnavailable(StoreError):
    """The store cannot be reached, or is not ready."""

    case = "unavailable"


class StoreDenied(StoreError):
    """The store refuses this host."""

    case = "denied"

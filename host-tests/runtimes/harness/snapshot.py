"""Cases for programs with snapshots, and for programs without.

A snapshot is a catalog that is checked whole when it is made.
"""

from harness.cases import Case, Response


NOT_HELD = "two catalogs are compared, and a plugin holds none"
"""The reason to skip a case in a program without snapshots."""


def compares(case: Case) -> bool:
    """Whether the case compares two catalogs."""
    return case.call == "differences"


def reason_to_skip(case: Case) -> str | None:
    """The reason why this case does not apply to a snapshot; None if it does."""
    store = case.store
    if store.error or store.stalls or store.by_uid:
        return "the store fails or lies, and a snapshot is a list of documents"
    if case.roles_by_access and case.access:
        return "an access policy, and a snapshot is told the roles"
    if not all(map(_is_text, store.documents)):
        return "a snapshot is made of texts, and a document is not UTF-8"
    if isinstance(case.expect, Response) and case.expect.status == 500:
        return "the catalog is malformed, and no snapshot is made that could answer"
    if case.other_is_malformed:
        return "a snapshot is whole: a malformed document beside the one that is asked for counts"
    return None


def _is_text(document: bytes) -> bool:
    try:
        document.decode()
        return True
    except UnicodeDecodeError:
        return False

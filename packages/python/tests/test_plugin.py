"""The plugin over a store: errors of the store, and what the caller gets of them."""

import logging
import unittest

from ccs_modules import (
    CatalogError,
    Forbidden,
    NotFound,
    Plugin,
    StoreDenied,
    StoreError,
    StoreUnavailable,
    Unavailable,
)

ROLES = ["db_viewer"]


class Store:
    """A store that returns, or raises, what the test says."""

    def __init__(self, documents=(), document=None):
        self.documents = list(documents) if isinstance(documents, tuple) else documents
        self.document = document

    def list_documents(self):
        return _given(self.documents)

    def get_document(self, uid):
        return _given(self.document)


def _given(value):
    if isinstance(value, Exception):
        raise value
    return value


class Calls(unittest.TestCase):
    def test_modules_are_listed_and_found(self):
        plugin = Plugin(Store((b'{"module_name":"bf","uid":"a"}',), b'{"uid":"b"}'))
        (module,) = plugin.list_modules(ROLES)
        self.assertEqual((module.uid, module.module_name, module.version), ("a", "bf", None))
        self.assertEqual(plugin.get_module(ROLES, "b").document, '{"uid":"b"}')

    def test_errors_are_exceptions(self):
        plugin = Plugin(Store())
        with self.assertRaises(NotFound):
            plugin.get_module(ROLES, "a")
        with self.assertRaises(Forbidden):
            plugin.list_modules(["none"])


class FailingStores(unittest.TestCase):
    def test_a_store_error_is_told(self):
        for error, raised in [
            (StoreUnavailable("it is down"), Unavailable),
            (StoreDenied("it is down"), Unavailable),
            (StoreError("it is down"), CatalogError),
        ]:
            plugin = Plugin(Store(error, error))
            for call in (lambda: plugin.list_modules(ROLES), lambda: plugin.get_module(ROLES, "a")):
                with self.assertRaisesRegex(raised, "it is down"):
                    call()

    def test_another_exception_is_logged_and_never_reaches_the_caller(self):
        error = KeyError("a secret")
        plugin = Plugin(Store(error, error))
        for call in (lambda: plugin.list_modules(ROLES), lambda: plugin.get_module(ROLES, "a")):
            with self.assertLogs("ccs_modules", logging.ERROR) as logs:
                with self.assertRaises(CatalogError) as caught:
                    call()
            self.assertIn("a secret", logs.output[0])
            self.assertNotIn("a secret", str(caught.exception))
        with self.assertLogs("ccs_modules", logging.ERROR):
            response = plugin.handle("GET", "/v1/modules", [], ROLES)
        self.assertEqual(response.status, 500)
        self.assertNotIn(b"a secret", response.body)

    def test_a_store_that_returns_another_type_fails(self):
        for documents, document in [(None, "{}"), (["{}"], 1), ("[]", [])]:
            plugin = Plugin(Store(documents, document))
            for call in (lambda: plugin.list_modules(ROLES), lambda: plugin.get_module(ROLES, "a")):
                with self.assertLogs("ccs_modules", logging.ERROR) as logs:
                    with self.assertRaisesRegex(CatalogError, "the store failed"):
                        call()
                self.assertIn("has to return", logs.output[0])

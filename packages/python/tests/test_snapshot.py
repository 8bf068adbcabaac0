"""Snapshots: what the case list does not cover."""

import json
import sys
import threading
import unittest
import unittest.mock

from ccs_modules import CatalogError, Forbidden, Malformed, NotFound, Snapshot, _component

ROLES = ["db_viewer"]


class Calls(unittest.TestCase):
    def test_a_snapshot_is_asked_many_times(self):
        snapshot = Snapshot.parse('[ {"uid":"b"}, {"module_name":"bf","uid":"a","version":1.0} ]')
        for _ in range(3):
            self.assertEqual([module.uid for module in snapshot.list_modules(ROLES)], ["b", "a"])
            self.assertEqual(snapshot.get_module(ROLES, "a").version, 1)
        self.assertEqual(len(snapshot), 2)
        self.assertEqual(snapshot.body, '[{"uid":"b"},{"module_name":"bf","uid":"a","version":1}]\n')
        self.assertRegex(snapshot.entity_tag, '^".+"$')

    def test_the_list_is_what_single_modules_are(self):
        fields = {
            "uid": "a",
            "module_name": "bf",
            "capabilities": ["x", "x"],
            "is_bundled": False,
            "version": 80001,
            "email": None,
            "unknown": {"deep": [10**30, "]}"]},
        }
        snapshot = Snapshot.from_documents([json.dumps(fields), '{"uid":"b"}'])
        listed = snapshot.list_modules(ROLES)
        self.assertEqual(listed, [snapshot.get_module(ROLES, uid) for uid in ("a", "b")])
        self.assertEqual(len({*listed, *snapshot.list_modules(ROLES)}), 2)

    def test_a_very_long_number_is_kept(self):
        document = f'{{"size":{"9" * 5000},"uid":"a"}}'
        (module,) = Snapshot.from_documents([document.encode()]).list_modules(ROLES)
        self.assertEqual(module.document, document)

    def test_modules_are_looked_up(self):
        versions = {
            "2.10.17": {"compatible_redis_version": "7.4"},
            "2.8.26": {"min_redis_version": "7.1"},
        }
        documents = [
            json.dumps({"uid": it, "module_name": "search", "semantic_version": it} | fields)
            for it, fields in versions.items()
        ]
        snapshot = Snapshot.from_documents(documents)
        uids = lambda modules: [module.uid for module in modules]
        self.assertEqual(uids(snapshot.find_modules(ROLES, "SEARCH")), ["2.10.17", "2.8.26"])
        self.assertEqual(uids(snapshot.find_modules(ROLES, "search", "2.8")), ["2.8.26"])
        self.assertEqual(uids(snapshot.latest_modules(ROLES)), ["2.10.17"])
        (fitting,) = snapshot.fitting_modules(ROLES, "7.2")
        self.assertEqual(fitting.module_name, "search")
        self.assertEqual(fitting.chosen.module.uid, "2.8.26")
        self.assertEqual(fitting.chosen.rule, "min-redis-version")
        self.assertEqual(uids(fitting.others), ["2.10.17"])
        (fitting,) = snapshot.fitting_modules(ROLES, "9.0")
        self.assertIsNone(fitting.chosen)
        with self.assertRaisesRegex(CatalogError, "such as 7.4"):
            snapshot.fitting_modules(ROLES, "7")

        newer = Snapshot.from_documents([documents[0].replace("7.4", "7.6"), '{"uid":"b"}'])
        differences = snapshot.differences(newer)
        self.assertEqual([uids(differences.added), uids(differences.removed)], [["b"], ["2.8.26"]])
        (field,) = differences.changed[0].fields
        self.assertEqual(
            (field.name, field.before, field.after), ("compatible_redis_version", '"7.4"', '"7.6"')
        )

    def test_errors_are_exceptions(self):
        snapshot = Snapshot.parse("[]")
        with self.assertRaisesRegex(NotFound, r'^there is no module with the uid "a \\"é\\""$'):
            snapshot.get_module(ROLES, 'a "é"')
        for call in (lambda: snapshot.list_modules([]), lambda: snapshot.get_module(["none"], "a")):
            with self.assertRaisesRegex(Forbidden, "the permission view_cluster_modules$"):
                call()

    def test_threads_may_share_a_snapshot(self):
        snapshot = Snapshot.parse('[{"uid":"a"}]')
        found = []
        call = lambda: found.extend(snapshot.list_modules(ROLES) for _ in range(50))
        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([[module.uid for module in modules] for modules in found], [["a"]] * 200)

    def test_its_class_is_no_constructor(self):
        for arguments in ([], ["[]"]):
            with self.assertRaises(TypeError):
                Snapshot(*arguments)

    def test_a_snapshot_is_true_and_may_be_empty(self):
        snapshot = Snapshot.parse("[]")
        self.assertTrue(snapshot)
        self.assertEqual(len(snapshot), 0)

    def test_threads_get_their_own_answers(self):
        """wasmtime has the cases of variants in a global while it converts values."""
        snapshots = [Snapshot.parse(f'[{{"uid":"{at}"}}]') for at in range(8)]
        wrong = []

        def ask(at):
            for round in range(50):
                response = snapshots[at].handle("GET", f"/v1/modules/{at}", [], ROLES)
                if response.body != f'{{"uid":"{at}"}}\n':
                    wrong.append(response)
                try:
                    wrong.extend(snapshots[at].find_modules(ROLES, "x", "1" if round % 2 else None))
                except ValueError as error:
                    wrong.append(error)

        interval = sys.getswitchinterval()
        self.addCleanup(sys.setswitchinterval, interval)
        sys.setswitchinterval(1e-6)
        threads = [threading.Thread(target=ask, args=(at,)) for at in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_a_comparison_that_runs_out_of_memory_leaves_the_snapshots_as_they_were(self):
        documents = [json.dumps({"uid": str(at), "description": "x" * 1000}) for at in range(5000)]
        older, newer = Snapshot.parse("[]"), Snapshot.from_documents(documents)
        real = _component.Instance.__init__

        def limited(instance):
            real(instance)
            instance._store.set_limits(memory_size=4 << 20)

        with unittest.mock.patch.object(_component.Instance, "__init__", limited):
            with self.assertRaisesRegex(CatalogError, "the component failed"):
                older.differences(newer)
        self.assertEqual([len(older), len(newer)], [0, 5000])


class MalformedCatalogs(unittest.TestCase):
    def test_the_place_is_told(self):
        with self.assertRaises(Malformed) as caught:
            Snapshot.parse('[\n {"uid":"a","version":"x"}]')
        error = caught.exception
        self.assertEqual((error.document, error.field, error.line), ("a", "version", 2))
        with self.assertRaisesRegex(Malformed, "line 2"):
            Snapshot.parse("[\n{]")
        with self.assertRaises(Malformed) as caught:
            Snapshot.from_documents(['{"uid":"a"}', "{}"])
        self.assertEqual((caught.exception.index, caught.exception.line), (1, None))

    def test_bytes_that_are_not_utf_8_are_refused(self):
        with self.assertRaisesRegex(Malformed, "the body: byte 1 is not UTF-8"):
            Snapshot.parse(b"[\xff]")
        with self.assertRaisesRegex(CatalogError, "document at index 0: byte 0 is not UTF-8"):
            Snapshot.from_documents([b"\xff"])

"""Access policies, as the table that the core's tests run too says they are read."""

import base64
import json
import unittest
from pathlib import Path

from ccs_modules import Anonymous, Policy, PolicyError, Unauthenticated

TABLE = json.loads(Path(__file__).resolve().parents[3].joinpath("host-tests/policies.json").read_text())


class Policies(unittest.TestCase):
    def test_senders_are_found(self):
        for entry in TABLE["read"]:
            policy = Policy(json.dumps(entry["policy"]))
            for caller in entry["callers"]:
                with self.subTest(entry["about"], caller=caller):
                    found = policy([(name, text(value)) for name, value in caller["headers"]])
                    roles = found.roles if isinstance(found, Anonymous) else found
                    roles = None if isinstance(found, Unauthenticated) else roles
                    self.assertEqual(roles, caller["roles"])

    def test_other_policies_are_refused(self):
        for policy in TABLE["refused"]:
            with self.subTest(policy), self.assertRaises(PolicyError):
                Policy(json.dumps(policy))

    def test_the_place_is_named_and_no_value_is_shown(self):
        with self.assertRaisesRegex(PolicyError, r"^anonymous\[0\]: expected one of admin, "):
            Policy('{"anonymous":["db_veiwer"]}')
        with self.assertRaisesRegex(PolicyError, r"^users\[0\]\.password_sha256: ((?!secret).)*$"):
            Policy('{"users":[{"name":"ann","password_sha256":"secret","roles":[]}]}')


def text(value):
    return value if isinstance(value, str) else base64.b64decode(value["base64"]).decode(errors="replace")

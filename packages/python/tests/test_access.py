"""Access policies, as the table that the core's tests run too says they are read."""

import base64
import json
import unittest
from pathlib import Path

from ccs_modules import Anonymous, Policy, PolicyError

TABLE = json.loads(Path(__file__).resolve().parents[3].joinpath("host-tests/policies.json").read_text())


class Policies(unittest.TestCase):
    def test_senders_are_found(self):
        for entry in TABLE["read"]:
            policy = Policy(json.dumps(entry["policy"]))
            for caller in entry["callers"]:
                with self.subTest(entry["about"], caller=caller):
                    found = policy([(name, octets(value)) for name, value in caller["headers"]])
                    roles = found.roles if isinstance(found, Anonymous) else found
                    self.assertEqual(roles, caller["roles"])

    def test_other_policies_are_refused(self):
        for policy in TABLE["refused"]:
            with self.subTest(policy), self.assertRaises(PolicyError):
                Policy(json.dumps(policy))

    def test_a_role_that_does_not_exist_is_named_and_a_digest_is_not(self):
        with self.assertRaisesRegex(PolicyError, "db_veiwer"):
            Policy('{"anonymous":["db_veiwer"]}')
        with self.assertRaisesRegex(PolicyError, r"^users\[0\]\.password_sha256: ((?!secret).)*$"):
            Policy('{"users":[{"name":"ann","password_sha256":"secret","roles":[]}]}')


def octets(value):
    return value.encode() if isinstance(value, str) else base64.b64decode(value["base64"])

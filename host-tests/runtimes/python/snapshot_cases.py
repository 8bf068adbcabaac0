"""Runs cases, one a line, on snapshots: cases with the same catalog on the same one. See harness/batch.py."""

import json
import sys
from functools import cache

from cases import decoded, outcome
from ccs_modules import Malformed, Snapshot


def main():
    for line in sys.stdin:
        case = json.loads(line)
        try:
            snapshot = held(tuple(case["store"]["documents"]))
            found = outcome(snapshot, case["call"])
        except Malformed as error:
            found = {"error": {"malformed": str(error)}}
        print(json.dumps(found), flush=True)


@cache
def held(documents):
    """The snapshot of these documents."""
    return Snapshot.from_documents([decoded(document) for document in documents])


if __name__ == "__main__":
    main()

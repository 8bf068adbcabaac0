"""Runs cases, one a line, on snapshots: cases with the same catalog on the same one. See harness/batch.py."""

import base64
import json
import sys
from dataclasses import fields, is_dataclass
from functools import cache

import ccs_modules
from ccs_modules import CatalogError, Snapshot


def main():
    for line in sys.stdin:
        case = json.loads(line)
        print(json.dumps(outcome(tuple(case["store"]["documents"]), case["call"])), flush=True)


@cache
def kept(documents):
    """The snapshot of these documents."""
    return Snapshot.from_documents([decoded(document) for document in documents])


def outcome(documents, call):
    try:
        snapshot = kept(documents)
        if request := call.get("handle"):
            return handled(snapshot, request)
        if compared := call.get("differences"):
            return {"ok": present(snapshot.differences(Snapshot.parse(compared["newer"])))}
        ((function, arguments),) = call.items()
        return {"ok": present(getattr(snapshot, function)(**arguments))}
    except (ccs_modules.Forbidden, ccs_modules.NotFound) as error:
        return {"error": {kind(error): None}}
    except CatalogError as error:
        return {"error": {kind(error): str(error)}}


def handled(snapshot, request):
    headers = [(name, decoded(value).decode(errors="replace")) for name, value in request["headers"]]
    found = snapshot.handle(request["method"], request["target"], headers, request["roles"])
    body = base64.b64encode(found.body.encode()).decode()
    return {"status": found.status, "headers": found.headers, "body": body}


def kind(error):
    return {
        ccs_modules.Forbidden: "forbidden",
        ccs_modules.NotFound: "not_found",
        ccs_modules.Unavailable: "unavailable",
        ccs_modules.Malformed: "malformed",
        CatalogError: "other",
    }[type(error)]


def present(answer):
    """The answer as case files have it, without the fields that it does not have."""
    if isinstance(answer, list | tuple):
        return [present(one) for one in answer]
    if not is_dataclass(answer):
        return answer
    members = ((field.name, getattr(answer, field.name)) for field in fields(answer))
    found = {name: present(value) for name, value in members if value is not None}
    if isinstance(answer, ccs_modules.ChosenModule):
        found["rule"] = found["rule"].replace("-", "_")
    return found


def decoded(text):
    return base64.b64decode(text)


if __name__ == "__main__":
    main()

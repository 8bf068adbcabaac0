"""Runs cases, one a line, with scripted stores. See harness/batch.py."""

import base64
import json
import sys
from dataclasses import asdict, fields, is_dataclass

import ccs_modules
from ccs_modules import CatalogError, Plugin, Snapshot, StoreDenied, StoreError, StoreUnavailable

STORE_ERRORS = {"denied": StoreDenied, "other": StoreError, "unavailable": StoreUnavailable}


class Scripted:
    """The store of the current case."""

    case = {}

    def list_documents(self):
        self._fail()
        return [decoded(document) for document in self.case["documents"]]

    def get_document(self, uid):
        self._fail()
        if uid in self.case["by_uid"]:
            return decoded(self.case["by_uid"][uid])
        return next((one for one in self.list_documents() if uid_of(one) == uid), None)

    def _fail(self):
        for kind, text in self.case.get("error", {}).items():
            raise STORE_ERRORS[kind](text)


def main():
    store = Scripted()
    plugin = Plugin(store)
    for line in sys.stdin:
        case = json.loads(line)
        store.case = case["store"]
        print(json.dumps(outcome(plugin, case["call"])), flush=True)


def outcome(plugin, call):
    match call:
        case {"handle": request}:
            headers = [(name, decoded(value)) for name, value in request["headers"]]
            found = plugin.handle(request["method"], request["target"], headers, request["roles"])
            return {**asdict(found), "body": base64.b64encode(found.body).decode()}
        case {"differences": {"newer": newer}}:
            return typed(lambda: plugin.differences(Snapshot.parse(newer)))
    ((function, arguments),) = call.items()
    return typed(lambda: getattr(plugin, function)(**arguments))


def typed(call):
    try:
        return {"ok": present(call())}
    except (ccs_modules.Forbidden, ccs_modules.NotFound) as error:
        return {"error": {kind(error): None}}
    except CatalogError as error:
        return {"error": {kind(error): str(error)}}


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
    if isinstance(answer, list):
        return [present(one) for one in answer]
    if not is_dataclass(answer):
        return answer
    members = ((field.name, getattr(answer, field.name)) for field in fields(answer))
    found = {name: present(value) for name, value in members if value is not None}
    if isinstance(answer, ccs_modules.ChosenModule):
        found["rule"] = found["rule"].replace("-", "_")
    return found


def uid_of(document):
    try:
        return json.loads(document.decode())["uid"]
    except (KeyError, TypeError, ValueError):
        return None  # A malformed document has no uid.


def decoded(text):
    return base64.b64decode(text)


if __name__ == "__main__":
    main()

"""Cases for a program that calls the plugin in its own process: JSON lines in, JSON lines out.

In: `{"store", "call"}`, with bytes in base64:

    {"store": {"documents", "by_uid"} | {"error": {KIND: TEXT}} | {"stall": true},
     "call": {"handle": {"method", "target", "headers", "roles", "access"}}
           | {TYPED: its arguments as in the case}}

`access` is the access policy in JSON, and given only if the case has one instead of roles.

Out: `{"ok"}`, `{"error"}` or `{"status", "headers", "body"}`, with the body in base64.
"""

import base64
import json
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from subprocess import PIPE

from harness.cases import Case, Response, Store, split


def outcomes(command: list, cases: list[Case], seconds: float = 300) -> Iterator[tuple[Case, object]]:
    """Runs the command over the cases, and yields each outcome as soon as it is known."""
    if not cases:
        return
    with tempfile.TemporaryFile("w+") as lines, tempfile.TemporaryFile("w+") as errors:
        lines.writelines(json.dumps(_encoded(case)) + "\n" for case in cases)
        lines.seek(0)
        words = [str(word) for word in command]
        process = subprocess.Popen(words, stdin=lines, stdout=PIPE, stderr=errors, text=True)
        overdue = threading.Timer(seconds, process.kill)
        overdue.start()
        try:
            for case, line in zip(cases, process.stdout):
                yield case, _decoded(json.loads(line))
            if process.wait():
                errors.seek(0)
                raise RuntimeError(f"{words[0]} ended early: {errors.read()[-4000:]}")
        finally:
            overdue.cancel()
            process.kill()
            process.wait()


def _encoded(case: Case) -> dict:
    arguments = case.arguments
    if case.call == "handle":
        request = case.request
        arguments = {
            "method": request.method,
            "target": request.target.decode(),
            "headers": [(name, _base64(value)) for name, value in request.headers],
            "roles": case.roles,
        }
        if case.roles_by_access:
            arguments["access"] = case.access
    return {"store": _encoded_store(case.store), "call": {case.call: arguments}}


def _encoded_store(store: Store) -> dict:
    if store.error:
        return {"error": dict([store.error])}
    if store.stalls:
        return {"stall": True}
    documents = store.documents if store.body is None else split(store.body)
    by_uid = {uid: _base64(document) for uid, document in store.by_uid}
    return {"documents": [_base64(document) for document in documents], "by_uid": by_uid}


def _decoded(outcome: dict) -> object:
    if "status" not in outcome:
        return outcome
    headers = sorted((name, value.encode()) for name, value in outcome["headers"])
    return Response(outcome["status"], tuple(headers), base64.b64decode(outcome["body"]))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()

"""Serves a JSON file by the ASGI application under uvicorn: serve.py PORT FILE."""

import json
import sys
from pathlib import Path

import uvicorn

from ccs_modules import Plugin
from ccs_modules.asgi import Application

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness.cases import ROLES_HEADER, split  # noqa: E402


class Documents:
    """The documents of a body of `GET /v1/modules`."""

    def __init__(self, body):
        self.documents = split(body)

    def list_documents(self):
        return list(self.documents)

    def get_document(self, uid):
        return next((one for one in self.documents if uid_of(one) == uid), None)


def uid_of(document):
    try:
        return json.loads(document.decode())["uid"]
    except (KeyError, TypeError, ValueError):
        return None  # A malformed document has no uid.


def authenticate(headers):
    """Believes the header that carries the roles of a case."""
    values = [value for name, value in headers if name == ROLES_HEADER]
    return [role for role in values[0].decode().split(",") if role] if values else None


port, file = sys.argv[1:]
application = Application(Plugin(Documents(Path(file).read_bytes())), authenticate)
uvicorn.run(application, port=int(port), log_level="warning", server_header=False)

"""Serves a JSON file, or a mirror of an upstream, by the ASGI application under uvicorn."""

import argparse
import json
import os
import sys
from pathlib import Path

import uvicorn

from ccs_modules import Mirror, Plugin, Policy
from ccs_modules.asgi import Application

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness.cases import split  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    for option in ("--port", "--file", "--upstream", "--access"):
        parser.add_argument(option)
    options = parser.parse_args()
    handler = mirror(options.upstream) if options.upstream else plugin(options.file)
    policy = Policy(Path(options.access).read_text()) if options.access else lambda headers: None
    application = Application(handler, policy)
    uvicorn.run(application, port=int(options.port), log_level="warning", server_header=False)


def mirror(url):
    user, password = os.environ["REDIS_ENTERPRISE_USER"], os.environ["REDIS_ENTERPRISE_PASSWORD"]
    credentials = {"user": user, "password": password}
    return Mirror({"nodes": [url], "credentials": credentials, "refresh_ms": 500})


def plugin(file):
    return Plugin(Documents(Path(file).read_bytes()))


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


if __name__ == "__main__":
    main()

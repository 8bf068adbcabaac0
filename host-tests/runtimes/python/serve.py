"""Serves a mirror of a JSON file or of an upstream, by the ASGI application under uvicorn."""

import argparse
import os
from pathlib import Path

import uvicorn

from ccs_modules import Mirror, Policy
from ccs_modules.asgi import Application


def main():
    parser = argparse.ArgumentParser()
    for option in ("--port", "--file", "--upstream", "--access"):
        parser.add_argument(option)
    options = parser.parse_args()
    handler = mirror(options.upstream) if options.upstream else of_file(Path(options.file))
    policy = Policy(Path(options.access).read_text()) if options.access else lambda headers: None
    application = Application(handler, policy)
    uvicorn.run(application, port=int(options.port), log_level="warning", server_header=False)


def mirror(url):
    user, password = os.environ["REDIS_ENTERPRISE_USER"], os.environ["REDIS_ENTERPRISE_PASSWORD"]
    credentials = {"user": user, "password": password}
    return Mirror({"nodes": [url], "credentials": credentials, "refresh_ms": 500})


def of_file(file):
    return Mirror({"refresh_ms": 500}, store=lambda known: file.read_bytes())


if __name__ == "__main__":
    main()

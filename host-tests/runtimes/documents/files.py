"""The files that the documents name: catalogs, policies and certificates."""

import hashlib
import json
import shutil
from pathlib import Path

from harness.artifacts import WORKSPACE
from harness.cache import command

USER, PASSWORD = "ann", "…"
"""The credentials in the documents, which leave the password out."""


def write_files(folder: Path) -> None:
    """Writes them into a folder."""
    bodies = WORKSPACE / "host-tests/cases/bodies"
    shutil.copy(WORKSPACE / "host/src/stores/demo.json", folder / "modules.json")
    shutil.copy(bodies / "7.22.json", folder / "old.json")
    shutil.copy(bodies / "8.x.json", folder / "new.json")

    digest = hashlib.sha256(PASSWORD.encode()).hexdigest()
    user = {"name": USER, "password_sha256": digest, "roles": ["db_viewer"]}
    (folder / "access.json").write_text(json.dumps({"users": [user]}))
    (folder / "password.txt").write_text("a password of one's own\n")
    _write_certificates(folder)


def _write_certificates(folder: Path) -> None:
    """Writes an authority, `ca.pem`, and a certificate of the cluster's nodes that it signs."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    words = ["-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority"]
    command("openssl", "req", *words, cwd=folder)
    words = [*key, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=node1"]
    command("openssl", "req", *words, cwd=folder)

    (folder / "names").write_text("subjectAltName=DNS:node1,DNS:node2\n")
    words = ["-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]
    command("openssl", "x509", "-req", *words, "-extfile", "names", "-out", "cert.pem", cwd=folder)

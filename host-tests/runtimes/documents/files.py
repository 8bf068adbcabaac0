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
    (folder / "subjects.json").write_text('{"subjects":{"CN=ann,O=example":["db_viewer"]}}')
    (folder / "password.txt").write_text("a password of one's own\n")
    _write_certificates(folder)


def _write_certificates(folder: Path) -> None:
    """Writes an authority for servers and one for clients, and a certificate that each has signed."""
    _write_authority(folder, "ca")
    _sign(folder, "ca", "cert.pem", "key.pem", "/CN=node1", "subjectAltName=DNS:node1,DNS:node2,DNS:localhost")
    _write_authority(folder, "clients")
    _sign(folder, "clients", "ann.pem", "ann.key", "/O=example/CN=ann", "extendedKeyUsage=clientAuth")


KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def _write_authority(folder: Path, name: str) -> None:
    words = ["-x509", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}"]
    command("openssl", "req", *words, cwd=folder)


def _sign(folder: Path, authority: str, certificate: str, key: str, subject: str, extension: str) -> None:
    words = [*KEY, "-keyout", key, "-out", "request", "-subj", subject]
    command("openssl", "req", *words, cwd=folder)
    (folder / "extension").write_text(f"{extension}\n")
    words = ["-in", "request", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial"]
    command("openssl", "x509", "-req", *words, "-extfile", "extension", "-out", certificate, cwd=folder)

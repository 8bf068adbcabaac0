"""The shipped configuration with tokens of an identity provider, in a real Envoy."""

import base64
import json
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from envoy.shipped import DOCUMENTS, ask, certificate, shipped
from harness.cache import command
from harness.cases import Store
from harness.process import HOST
from harness.upstream import Upstream

OPERATORS = "redis-operators"


def tokens() -> None:
    """Groups in every form that a token has them in, and tokens that are not valid."""
    with Provider.running() as provider, provider.envoy() as port:
        now = int(time.time())
        ours = provider.token(groups=[OPERATORS, "staff"])
        end = time.monotonic() + 20
        while (status := status_of(port, ours)) == 503:  # The mirror has not fetched yet.
            assert time.monotonic() < end, "the mirror has no list"
            time.sleep(0.1)

        for about, token, expected in (
            ("an array", ours, 200),
            ("an array of one", provider.token(groups=[OPERATORS]), 200),
            ("a string", provider.token(groups=OPERATORS), 200),
            ("a scope", provider.token(groups=f"openid {OPERATORS} profile"), 200),
            ("with commas", provider.token(groups=f"staff,{OPERATORS}"), 200),
            ("another group", provider.token(groups=["staff"]), 403),
            ("a group with the name of a role", provider.token(groups=["admin"]), 403),
            ("no group", provider.token(groups=[]), 403),
            ("no claim", provider.token(), 401),
            ("expired", provider.token(groups=[OPERATORS], exp=now - 600), 401),
            ("another issuer", provider.token(groups=[OPERATORS], iss="https://other.example"), 401),
            ("another audience", provider.token(groups=[OPERATORS], aud="other"), 403),
            ("forged", forged(ours), 401),
            ("unsigned", unsigned(ours), 401),
            ("missing", None, 401),
        ):
            assert (found := status_of(port, token)) == expected, (about, found)

        # A client's own header field counts for nothing.
        own = ((b"x-groups", OPERATORS.encode()),)
        assert status_of(port, None, own) == 401
        assert status_of(port, provider.token(), own) == 401
        assert status_of(port, provider.token(groups=["staff"]), own) == 403


def client_certificate() -> None:
    """The lines of jwt.yaml for a cluster that wants a client certificate."""
    with Provider.running() as provider:
        token = provider.token(groups=[OPERATORS])
        for presents, expected in ((True, 200), (False, 503)):
            with provider.envoy(wants_certificate=True, presents=presents) as port:
                end = time.monotonic() + 10
                # Without a certificate it stays so.
                while (status := status_of(port, token)) == 503 and (presents or time.monotonic() < end - 7):
                    assert time.monotonic() < end, "the mirror has no list"
                    time.sleep(0.1)
                assert status == expected, (presents, status)


class Provider:
    """An identity provider with a key of its own, in a folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        command("openssl", "genrsa", "-out", folder / "signing.pem", 2048)
        words = ["openssl", "rsa", "-in", folder / "signing.pem", "-noout", "-modulus"]
        modulus = subprocess.check_output(words, stderr=subprocess.DEVNULL, text=True).strip().partition("=")[2]
        key = {"kty": "RSA", "alg": "RS256", "kid": "1", "n": base64_url(bytes.fromhex(modulus)), "e": "AQAB"}
        (folder / "jwks.json").write_text(json.dumps({"keys": [key]}))

    @staticmethod
    @contextmanager
    def running() -> Iterator["Provider"]:
        with tempfile.TemporaryDirectory() as folder:
            yield Provider(Path(folder))

    @contextmanager
    def envoy(self, wants_certificate: bool = False, presents: bool = False) -> Iterator[int]:
        """Runs Envoy in front of a cluster of one node. Gives its port."""
        tls = certificate(self.folder, "cluster.example")
        if wants_certificate:
            certificate(self.folder, "modules", "client")
            tls.verify_mode = ssl.CERT_REQUIRED
            tls.load_verify_locations(self.folder / "client.pem")
        with Upstream(tls).running() as node:
            node.store = Store(documents=tuple(DOCUMENTS.values()))
            address = "address: cluster.example, port_value: 9443"
            replacements = {
                "/etc/envoy/jwks.json": f"{self.folder}/jwks.json",
                "/etc/envoy/cluster-ca.pem": f"{self.folder}/cert.pem",
                address: f"address: {HOST}, port_value: {node.port}",
            }
            if presents:
                replacements |= {
                    "# tls_certificates:": "tls_certificates:",
                    "#   - certificate_chain: {filename: /etc/envoy": f"  - certificate_chain: {{filename: {self.folder}",
                    "#     private_key: {filename: /etc/envoy": f"    private_key: {{filename: {self.folder}",
                    '"headers": {"authorization": "Basic dXNlcjpwYXNzd29yZA=="}': '"headers": {}',
                }
            with shipped("jwt.yaml", replacements) as port:
                yield port

    def token(self, **claims: object) -> str:
        """A signed token. The claims replace those of a valid one."""
        valid = {"iss": "https://login.example", "aud": "modules", "sub": "ann", "exp": int(time.time()) + 600}
        signed = f"{part({'alg': 'RS256', 'kid': '1', 'typ': 'JWT'})}.{part({**valid, **claims})}"
        words = ["openssl", "dgst", "-sha256", "-sign", self.folder / "signing.pem"]
        signature = subprocess.run(words, input=signed.encode(), stdout=subprocess.PIPE, check=True).stdout
        return f"{signed}.{base64_url(signature)}"


def forged(token: str) -> str:
    """The token with other claims under its signature."""
    header, claims, signature = token.split(".")
    decoded = json.loads(base64.urlsafe_b64decode(claims + "=="))
    return f"{header}.{part({**decoded, 'sub': 'eve'})}.{signature}"


def unsigned(token: str) -> str:
    """The token with the algorithm `none`."""
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{token.split('.')[1]}."


def part(value: dict) -> str:
    return base64_url(json.dumps(value).encode())


def base64_url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def status_of(port: int, token: str | None, headers: tuple = ()) -> int:
    if token:
        headers += ((b"authorization", f"Bearer {token}".encode()),)
    return ask(port, "/v1/modules", headers=headers).status

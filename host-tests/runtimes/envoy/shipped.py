"""The shipped configurations in a real Envoy, unchanged except for addresses and files."""

import base64
import json
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from envoy.proxy import FILTER, envoy, listener, program, static
from envoy.proxy import cluster as cluster_of
from harness.upstream import Upstream
from harness import http
from harness.artifacts import WORKSPACE, artifact
from harness.cache import command, debian_package, installed
from harness.cases import Request, Response, Store
from harness.process import HOST, ReservedPort, running

FOLDER = WORKSPACE / "adapters/proxy-wasm/envoy"
DOCUMENTS = {
    "a": b'{"module_name":"search","uid":"a","version":20810}',
    "b": b'{"module_name":"bf","uid":"b","version":20807}',
    "c/d": b'{"module_name":"bf","uid":"c/d","version":80001}',
}


def install() -> None:
    debian_package("redis-server", "redis-server")
    debian_package("webdis", "webdis")


def rest() -> None:
    """A cluster of three nodes with TLS and an account. Envoy authenticates the clients and sets the
    trusted header."""
    with cluster() as (nodes, replacements), shipped("rest.yaml", replacements) as port:
        answers_as_shipped(port, list(DOCUMENTS))
        no_spelling_slips_past(port)
        # A client that names its own role without a password is not authenticated.
        headers = ((b"x-ccs-roles", b"admin"),)
        assert ask(port, "/v1/modules", headers=headers).status == 401
        # Other paths go on to the cluster, here to a node that answers with an empty body.
        assert ask(port, "/empty", "viewer:secret").status == 200
        # A request for a module with another method is refused, unless the filter passes methods
        # on.
        assert ask(port, "/v1/modules/a", "viewer:secret", method="DELETE").status == 405
        requests = b"".join(request for node in nodes for request in node.requests)
        assert b"authorization: Basic dXNlcjpwYXNzd29yZA==\r\n" in requests
        assert encoded("viewer:secret") not in requests, "the client's credentials reached the cluster"
        assert b"x-ccs-roles" not in requests
        # The cluster is down, and the filter answers from its mirror.
        for node in nodes:
            node.stop()
        listed = ask(port, "/v1/modules", "viewer:secret")
        assert listed.status == 200 and "age" in dict(listed.headers), listed


def administered() -> None:
    """The lines of rest.yaml that let clients administer the cluster with their own accounts."""
    with cluster() as (nodes, replacements):
        changes = {
            '"access": {"trusted_header": "x-ccs-roles"}':
                '"access": {"trusted_header": "x-ccs-roles"}, "methods": "pass"',
            "request_headers_to_remove: [authorization, x-ccs-roles]":
                "request_headers_to_remove: [x-ccs-roles]",
        }
        with shipped("rest.yaml", {**replacements, **changes}) as port:
            answers_as_shipped(port, list(DOCUMENTS))
            for node in nodes:
                node.requests.clear()
            for method in ("POST", "DELETE", "OPTIONS"):
                assert ask(port, "/v1/modules/a", "viewer:secret", method=method).status == 200, method
            requests = b"".join(request for node in nodes for request in node.requests)
            assert b"DELETE /v1/modules/a HTTP/1.1\r\n" in requests, requests
            assert encoded("viewer:secret") in requests, requests


def node_is(fault: str) -> None:
    """One of three nodes has a fault that no client notices, even if the cluster is asked each
    time."""
    mirrored = {f'"{name}": {value},\n{" " * 32}': "" for name, value in
                (("refresh_ms", 30_000), ("stale_if_error_ms", 86_400_000))}
    with cluster() as (nodes, replacements), shipped("rest.yaml", {**replacements, **mirrored}) as port:
        answers_as_shipped(port, list(DOCUMENTS))
        if fault == "dead":
            nodes[1].stop()
        else:
            nodes[1].fault = fault
        with ThreadPoolExecutor(4) as pool:
            paths = ["/v1/modules", "/v1/modules/a", "/v1/modules/b"] * 20
            for response in pool.map(lambda path: ask(port, path, "viewer:secret"), paths):
                assert response.status == 200, response


@contextmanager
def cluster() -> Iterator[tuple[list[Upstream], dict[str, str]]]:
    """Runs three nodes of a cluster. Gives them, and the replacements in rest.yaml for their
    addresses."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        tls = certificate(folder, "cluster.example")
        nodes = [stack.enter_context(Upstream(tls).running()) for _ in range(3)]
        replacements = {"/etc/envoy/cluster-ca.pem": f"{folder}/cert.pem"}
        for number, node in enumerate(nodes, 1):
            node.store = Store(documents=tuple(DOCUMENTS.values()))
            address = f"address: node{number}.cluster.example, port_value: 9443"
            replacements[address] = f"address: {HOST}, port_value: {node.port}"
        yield nodes, replacements


def redis() -> None:
    """A Redis behind webdis: the list by name and version, a module by its uid, and a Redis that is
    down."""
    with tempfile.TemporaryDirectory() as folder:
        store, webdis = ReservedPort(), ReservedPort()
        config = json.loads((FOLDER / "webdis.json").read_text())
        config.update(redis_port=store, http_port=webdis, logfile="/dev/null")
        Path(folder, "webdis.json").write_text(json.dumps(config))
        cli = ["redis-cli", "-p", store]
        words = ["redis-server", "--port", store, "--bind", HOST, "--save", "", "--dir", folder]
        with running(words, store), running(["webdis", f"{folder}/webdis.json"], webdis):
            lua = (FOLDER / "list_modules.lua").read_text()
            command(*cli, "FUNCTION", "LOAD", "REPLACE", lua)
            with shipped("redis.yaml", {"port_value: 7379": f"port_value: {webdis}"}) as port:
                assert ask(port, "/v1/modules", "viewer:secret").body == b"[]\n"
                for uid, document in DOCUMENTS.items():
                    command(*cli, "HSET", "ccs:modules", uid, document.decode())
                answers_as_shipped(port, ["c/d", "b", "a"])
                no_spelling_slips_past(port)
                command(*cli, "HSET", "ccs:modules", "z", "not JSON")
                # The list is no JSON then, as if a gateway had sent it.
                assert ask(port, "/v1/modules", "viewer:secret").status == 503
                command(*cli, "SHUTDOWN", "NOSAVE")
                assert ask(port, "/v1/modules", "viewer:secret").status == 503


def readme() -> None:
    """The configuration in the filter's README."""
    with run(readme_configuration()) as port:
        listed = b'[{"module_name":"search","uid":"1"}]\n'
        for path in ("/v1/modules", "//v1/modules", "/v1/./modules"):
            assert ask(port, path).body == listed, path
        assert ask(port, "/v1%2Fmodules").status == 400
        assert ask(port, "/other").status == 404


def readme_configuration() -> str:
    text = (WORKSPACE / "adapters/proxy-wasm/README.md").read_text()
    shown = next(block.split("```")[0] for block in text.split("```yaml\n")[1:] if "filters.http.wasm" in block)
    return replaced(shown, {"filename: ccs_modules_proxy_wasm.wasm": f"filename: {artifact(FILTER)}"})


def decoded() -> None:
    """The README's lines about paths, before a server that takes every spelling of a path for the path. Without
    credentials none of them is answered."""
    with Upstream().running() as upstream:
        upstream.decodes, upstream.store = True, Store(documents=tuple(DOCUMENTS.values()))
        text = replaced(readme_configuration(), {
            '"anonymous": ["db_viewer"]': '"trusted_header": "x-roles"',
            "direct_response: {status: 404}": "route: {cluster: next}",
        })
        endpoint = f"endpoint: {{address: {{socket_address: {{address: {HOST}, port_value: {upstream.port}}}}}}}"
        text += f"""
  clusters:
    - name: next
      type: STATIC
      connect_timeout: 5s
      load_assignment: {{cluster_name: next, endpoints: [{{lb_endpoints: [{{{endpoint}}}]}}]}}
"""
        with run(text) as port:
            for path in ("/v1/modules", "/v1/modules/a", *AMBIGUOUS):
                response = ask(port, path)
                assert response.status in (400, 401), (path, response)
        assert not upstream.asked, upstream.asked


AMBIGUOUS = [f"/v1/modules{end}" for end in ("%00", "%00x", "/%00a", ";", ";x", "/;/a", "%3Bx", "%3bx", "%23", "%3F", "%3fx",
                                             "%2500", "%252Fa", "/..;/modules", "%5C", "%2Fa")]
AMBIGUOUS += ["/v1%2Fmodules", "/v1%2fmodules", "/v1%5Cmodules", "/v1%252Fmodules", "/v1%255cmodules", "/v1/%256dodules",
              "/v1/mo%00dules", "/%00/../v1/modules", "/;x/../v1/modules"]
"""Paths that some servers take for one of the API's."""


def answers_as_shipped(port: int, order: list[str]) -> None:
    until_mirrored(port, "viewer:secret")
    documents = b",".join(DOCUMENTS[uid] for uid in order)
    listed = ask(port, "/v1/modules", "viewer:secret")
    assert (listed.status, listed.body) == (200, b"[" + documents + b"]\n"), listed
    single = ask(port, "/v1/modules/b", "viewer:secret")
    assert (single.status, single.body) == (200, DOCUMENTS["b"] + b"\n"), single
    assert ask(port, "/v1/modules/none", "viewer:secret").status == 404
    assert ask(port, "/v1/modules").status == 401
    assert ask(port, "/v1/modules", "viewer:wrong").status == 401


def istio() -> None:
    """The configurations of the filter in the manifests for Istio, which hands them over as JSON, and mirrors the
    cluster with an account."""
    for name in ("istio.yaml", "istio-traffic-extension.yaml"):
        spec = manifest(WORKSPACE / "docs/oci" / name)["spec"]
        plugin = spec.get("wasm", spec)["pluginConfig"]
        port = ReservedPort()
        with Upstream().running() as upstream:
            upstream.store = Store(documents=tuple(DOCUMENTS.values()))
            clusters = [cluster_of(plugin["ccs"]["upstream"]["cluster"], upstream.port)]
            with envoy(static([listener(port, plugin)], clusters), [port]):
                until_mirrored(port)
                assert ask(port, "/v1/modules/b").body == DOCUMENTS["b"] + b"\n"
            assert b"authorization: Basic dXNlcjpwYXNzd29yZA==\r\n" in upstream.requests[0], upstream.requests


def manifest(file: Path) -> dict:
    """The object in a file of YAML."""
    packages = installed("python-pyyaml-6.0.3", lambda folder: command(
        sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, "pyyaml==6.0.3"))
    load = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))"
    words = [sys.executable, "-c", load, str(file)]
    done = subprocess.run(words, env={"PYTHONPATH": str(packages)}, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def until_mirrored(port: int, credentials: str | None = None) -> None:
    end = time.monotonic() + 20
    # A mirror holds nothing until its first fetch, and a request does not choose its worker.
    while any(ask(port, "/v1/modules", credentials).status == 503 for _ in range(10)):
        assert time.monotonic() < end, "the mirror holds nothing"


def no_spelling_slips_past(port: int) -> None:
    """Every other spelling of the API's paths is answered like the path itself, or refused by
    Envoy. Otherwise the cluster or the next route behind the filter would answer it."""
    listed = ask(port, "/v1/modules", "viewer:secret")
    for path in ("//v1/modules", "/v1//modules", "/v1/./modules", "/v1/x/../modules", "/v1/%2e/modules",
                 "/v1\\modules", "/%761/modules"):
        response = ask(port, path, "viewer:secret")
        assert (response.status, response.body) == (200, listed.body), (path, response)
    assert ask(port, "//v1/./modules//a", "viewer:secret").body == DOCUMENTS["a"] + b"\n"
    for path in ("/v1%2Fmodules", "/v1%2fmodules", "/v1%5Cmodules", "/v1/modules%2Fa", "/v1/modules/c%2Fd"):
        response = ask(port, path, "viewer:secret")
        assert response.status == 400, (path, response)
    for path in ("/v1/modules%00", "/v1/modules;x", "/v1/modules%3Bx", "/v1/modules%23", "/v1/modules%3F", "/v1/modules%2500"):
        response = ask(port, path, "viewer:secret")
        assert response.status == 400, (path, response)


def ask(
    port: int, target: str, credentials: str | None = None, headers: tuple = (), method: str = "GET"
) -> Response:
    sent = tuple((name.decode(), value) for name, value in headers)
    if credentials:
        sent += (("authorization", encoded(credentials)),)
    return http.ask((HOST, port), Request(method, target.encode(), sent))


def encoded(credentials: str) -> bytes:
    """Credentials in the form of HTTP Basic."""
    return b"Basic " + base64.b64encode(credentials.encode())


def shipped(name: str, replacements: dict[str, str]) -> AbstractContextManager[int]:
    """Runs Envoy with a shipped configuration, and gives its port."""
    own = {"/etc/envoy/ccs_modules_proxy_wasm.wasm": str(artifact(FILTER))}
    return run(replaced((FOLDER / name).read_text(), {**own, **replacements}))


def replaced(text: str, replacements: dict[str, str]) -> str:
    for old, new in replacements.items():
        assert old in text, f"the configuration has no {old}"
        text = text.replace(old, new)
    return text


@contextmanager
def run(text: str) -> Iterator[int]:
    """Runs Envoy with this configuration and gives its port."""
    port = ReservedPort()
    own = {"address: 0.0.0.0, port_value: 8080": f"address: {HOST}, port_value: {port}"}
    text = replaced(text, own)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        words = [program(), "-c", file.name, "--concurrency", 2, "--disable-hot-restart"]
        with running([*words, "--log-level", "warning"], port):
            yield port


def certificate(folder: Path, name: str, file: str = "cert") -> ssl.SSLContext:
    """A server's TLS with a self-signed certificate, `cert.pem` in the folder. The key is in `cert-key.pem`."""
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    words += ["-nodes", "-days", "1", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    command(*words, "-keyout", folder / f"{file}-key.pem", "-out", folder / f"{file}.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{file}.pem", folder / f"{file}-key.pem")
    return context

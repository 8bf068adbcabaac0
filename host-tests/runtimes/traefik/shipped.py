"""The shipped configuration, and a catalog file that is replaced."""

import base64
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness import http
from harness.artifacts import WORKSPACE, artifact
from harness.cases import Case, Request
from harness.process import HOST, ReservedPort, running
from traefik.configurations import LIST, extra
from traefik.proxy import PLUGIN, SHIPPED, Next, Proxy, Route, lay_out, program, replace, traefik

AMBIGUOUS = {f"/v1/modules{end}": 400 for end in (
    "%2Fa", "%2fa", "%5Ca", "%5ca", "%00", "%3Bx", "%3bx", "%2500", "%252Fa", "%3F", "%3fx", "%23")}
AMBIGUOUS |= {"/v1%2Fmodules": 400, "/v1%5Cmodules": 400, "/v1%252Fmodules": 400, "/v1/modules;x": 404, "/v1;x/modules": 404}
"""Paths that some servers take for one of the API's, and the status of Traefik itself."""

VIEWER = ("authorization", b"Basic " + base64.b64encode(b"viewer:secret"))


def outcomes() -> Iterator[tuple[Case, object]]:
    yield from readme()
    port = ReservedPort()
    with Next() as following, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(folder, artifact(PLUGIN).read_bytes())
        replace(folder / "data/modules.json", '[{"uid":"a"}]')
        static = replaced("traefik.yml", {":8080": f"{HOST}:{port}", "/etc/traefik/ccs": f"{folder}/data"})
        dynamic = replaced("dynamic.yml", {"9080": str(following.port)})
        (folder / "traefik.yml").write_text(static)
        replace(folder / "dynamic.yml", dynamic)
        with running([program(), f"--configFile={folder}/traefik.yml"], port, cwd=folder) as address:
            proxy = Proxy(folder, [], following.port)
            ask = lambda target, method="GET": http.ask(address, Request(method, target.encode(), (VIEWER,)))
            proxy.wait_for(lambda: ask("/").status == 200)
            yield extra("shipped", "the shipped configuration lists", b'[{"uid":"a"}]\n'), ask("/v1/modules").body
            found = [http.ask(address, Request("GET", b"/v1/modules", ())).status]
            found += [ask("/other").body, ask("/v1/modules/a", "DELETE").body]
            about = "others are refused, and other paths and methods go on"
            yield extra("shipped-others", about, [401, Next.BODY, Next.BODY]), found
            found = [ask(path).body for path in ("//v1/modules", "/v1/./modules", "/v1/x/../modules", "/%761/modules")]
            about = "other spellings of the path are the same path"
            yield extra("shipped-spellings", about, [b'[{"uid":"a"}]\n'] * 4), found
            found = {path: ask(path).status for path in AMBIGUOUS}
            about = "a path that a service may take for one of the API's does not reach it"
            yield extra("shipped-ambiguous", about, AMBIGUOUS), found
            replace(folder / "data/modules.json", '[{"uid":"b"}]')
            replace(folder / "dynamic.yml", dynamic.replace('revision: "1"', 'revision: "2"'))
            proxy.wait_for(lambda: ask("/v1/modules").body == b'[{"uid":"b"}]\n')
            found = {ask("/v1/modules").body for _ in range(20)}
            about = "a file is read again after a change of the configuration"
            yield extra("shipped-replaced", about, {b'[{"uid":"b"}]\n'}), found


def readme() -> Iterator[tuple[Case, object]]:
    """The example in the plugin's README."""
    blocks = (WORKSPACE / "adapters/http-wasm/README.md").read_text().split("```yaml\n")[1:]
    (shown,) = [block.split("```")[0] for block in blocks if "plugin:" in block]
    plugin = shown.split("ccs:\n")[1]
    fields = dict(line.strip().split(": ", 1) for line in plugin.splitlines())
    route = Route({name: text.strip("'") for name, text in fields.items()})
    with Next() as following, traefik([route], following.port):
        expect = b'[{"module_name":"search","uid":"1"}]\n'
        yield extra("readme", "the configuration of the README lists", expect), http.ask(route.address, LIST).body


def replaced(name: str, replacements: dict[str, str]) -> str:
    text = (SHIPPED / name).read_text()
    for old, new in replacements.items():
        assert old in text, f"the configuration has no {old}"
        text = text.replace(old, new)
    return text

"""Wrong configurations: the plugin is not loaded, does not trap, and Traefik's log names the field."""

from collections.abc import Iterator

from harness import http
from harness.cases import Case, Request, extra
from traefik.proxy import INNER, MOUNTED, Next, Route, traefik

YAML = "expected JSON in one string; written as YAML, its numbers and booleans would be strings"
EITHER = "documents: expected either documents or file"

REFUSED = [
    ({}, EITHER),
    ({"documents": "[]", "file": f"{MOUNTED}/a.json"}, EITHER),
    ({"documents": [{"uid": "a", "version": 1}]}, f"documents: an array, {YAML}"),
    ({"documents": {"uid": "a"}}, f"documents: an object, {YAML}"),
    ({"documents": 7}, "documents: line 1, column 1: the list of documents: expected an array"),
    ({"documents": True}, "documents: line 1, column 1: the list of documents: expected an array"),
    ({"documents": ""}, "documents: line 1, column 1: "),
    ({"documents": '[{"uid":"a"},{"uid":"a"}]'}, 'documents: line 1, column 14: document "a": '),
    ({"documents": '[{"uid":"a","version":"1"}]'}, 'documents: line 1, column 2: document "a": '),
    ({"documents": "[" * 100_000}, "documents: line 1, column "),
    ({"documents": '[{"uid":"a","x":' + "[" * 60 + "]" * 60 + "}]"}, "documents: line 1, column "),
    ({"file": "/etc/passwd"}, 'file: "/etc/passwd": not in a folder that is mounted'),
    ({"file": MOUNTED}, f'file: "{MOUNTED}": not in a folder that is mounted'),
    ({"file": f"{MOUNTED}/../traefik.yml"}, f'file: "{MOUNTED}/../traefik.yml": cannot be read: '),
    ({"file": f"{MOUNTED}/none.json"}, f'file: "{MOUNTED}/none.json": cannot be read: '),
    ({"file": f"{INNER}/none.json"}, f'file: "{INNER}/none.json": cannot be read: '),
    ({"file": f"{MOUNTED}/"}, f'file: "{MOUNTED}/": cannot be read: '),
    ({"file": ["a"]}, "file: an array, expected a string"),
    ({"documents": "[]", "acces": "{}"}, "acces: unknown field, expected one of "),
    ({"documents": "[]", "access": {"anonymous": ["admin"]}}, f"access: an object, {YAML}"),
    ({"documents": "[]", "access": "anonymous"}, "access: line 1, column 1: unexpected `a`"),
    ({"documents": "[]", "access": '{"anonymous":["x"]}'}, 'access: anonymous[0]: expected one of admin, '),
    ({"documents": "[]", "methods": "both"}, "methods: expected one of pass, refuse"),
    ({"documents": "[]", "methods": ["pass"]}, "methods: an array, expected a string"),
    ({"documents": "[]", "limits": {"depth": 3}}, f"limits: an object, {YAML}"),
    ({"documents": "[]", "limits": '{"depth":65}'}, "limits: depth: expected an integer from 1 to 64"),
    ({"documents": "[]", "limits": '{"documents":0}'}, "limits: documents: expected an integer from 1 up"),
    ({"documents": "[]", "limits": '{"bytes":1}'}, "limits: bytes: unknown field, expected one of "),
    ({"documents": '[{"uid":"ab"}]', "limits": '{"uid_bytes":1}'}, "documents: line 1, column 2: "),
    ({"documents": None}, "documents: "),
    ({"documents": "\0"}, "documents: line 1, column 1: "),
    ({"file": ""}, 'file: "": not in a folder that is mounted'),
    ({"file": f"{MOUNTED}/a\0b"}, f'file: "{MOUNTED}/a\ufffdb": cannot be read: '),
    ({"file": f"{MOUNTED}/" + "a" * 10_000}, f'file: "{MOUNTED}/' + "a" * (511 - len(MOUNTED)) + '": cannot be read: '),
    ({"file": f"{MOUNTED}/malformed.json"}, f'file: "{MOUNTED}/malformed.json": line 1, column 1: '),
    ({"documents": "[]", "revision": ["a"]}, "revision: an array, expected a string"),
    ({"documents": "[]", "access": ""}, "access: "),
    ({"documents": "[]", "access": "[" * 100_000}, "access: "),
    ({"documents": "[]", "limits": ""}, "limits: "),
    ({"documents": "[]", "limits": '{"documents":1e999}'}, "limits: "),
    ({"documents": "[]", "limits": '{"uid_bytes":-1}'}, "limits: uid_bytes: "),
    ({"documents": "[]", "methods": ""}, "methods: expected one of pass, refuse"),
]
"""Configurations, and the beginning of the error."""

DEEP = {
    "documents": '[{"uid":"a","x":' + "[" * 63 + "]" * 63 + "}]",
    "access": '{"anonymous":["admin"]}',
    "limits": '{"depth":64}',
}
"""A valid configuration that needs most of the stack."""


def outcomes() -> Iterator[tuple[Case, object]]:
    inner = {"file": f"{INNER}/modules.json", "access": '{"anonymous":["admin"]}'}
    routes = [Route(plugin) for plugin, _ in REFUSED] + [Route(inner), Route(DEEP)]
    with Next() as following, traefik(routes, following.port) as proxy:
        log = proxy.log().splitlines()
        for number, (plugin, error) in enumerate(REFUSED):
            about = f"refused with its field's name: {plugin!r:.200}"
            found = [line for line in log if f"middlewareName=route{number}@" in line]
            told = [line for line in found if f"the configuration is refused: {error}" in line]
            status = http.ask(routes[number].address, LIST).status
            expect = (404, True, True)
            yield extra(f"refused-{number}", about, expect), (status, bool(told) or found, EXITED in "".join(log))
        traps = [line for line in log if "wasm error" in line or "unreachable" in line]
        yield extra("refused-no-trap", "no configuration makes the plugin trap", []), traps
        about = "of folders that are mounted in one another, the innermost counts"
        yield extra("inner", about, b'[{"uid":"inner"}]\n'), http.ask(routes[-2].address, LIST).body
        about = "a document of the deepest nesting that can be configured is taken"
        yield extra("deep", about, 200), http.ask(routes[-1].address, LIST).status


LIST = Request("GET", b"/v1/modules", ())
EXITED = "module closed with exit_code(1)"


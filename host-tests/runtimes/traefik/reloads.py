"""Reloads of the configuration under load: every answer is a whole catalog, and the memory stays
bounded.

Traefik compiles a plugin again with each reload. A plugin that does nothing is reloaded in the same
way: the memory that Traefik uses with it is Traefik's own.
"""

import threading
from collections.abc import Iterator

from harness import LONG, http
from harness.artifacts import artifact
from harness.cases import FOLDER, Case
from traefik.configurations import LIST, extra
from traefik.proxy import PLUGIN, Next, Route, traefik

RELOADS = 200 if LONG else 40
CLIENTS = 4
MIB = 1 << 20
BODY = (FOLDER / "bodies/8.x.json").read_text()


def outcomes() -> Iterator[tuple[Case, object]]:
    held, wrong = reloaded(artifact(PLUGIN).read_bytes(), lambda answer: b'"reload-' in answer.body)
    of_the_host, _ = reloaded(EMPTY_PLUGIN, lambda answer: answer.body == Next.BODY)
    figures = lambda held: ", ".join(f"{bytes // MIB} MiB after {count}" for count, bytes in held.items())
    print(f"  reloads: Traefik holds {figures(held)}; with an empty plugin {figures(of_the_host)}")
    yield extra("reloads", f"{RELOADS} reloads under load: every answer is one of the catalogs", []), wrong


def reloaded(plugin: bytes, is_right) -> tuple[dict[int, int], list]:
    """Reloads a plugin under load. Returns the memory that Traefik used after each of these
    reloads, and the wrong answers."""
    route = Route(configuration(0))
    held, wrong, ended = {}, [], threading.Event()

    def ask() -> None:
        while not ended.wait(0.01):
            answer = http.ask(route.address, LIST)
            if answer.status != 200 or not is_right(answer):
                wrong.append(answer)

    with Next() as following, traefik([route], following.port, plugin) as proxy:
        clients = [threading.Thread(target=ask) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            for count in range(1, RELOADS + 1):
                route.plugin = configuration(count)
                proxy.reload(count)
                if count in (1, RELOADS // 4, RELOADS // 2, RELOADS):
                    held[count] = proxy.resident_bytes()
        finally:
            ended.set()
            for client in clients:
                client.join()
    return held, wrong[:10]


def configuration(count: int) -> dict[str, str]:
    """A configuration with a catalog that no other one has."""
    catalog = f'[{{"uid":"reload-{count}"}},{BODY.strip().removeprefix("[")}'
    return {"documents": catalog, "access": '{"anonymous":["db_viewer"]}'}


def _section(number: int, *contents: bytes) -> bytes:
    payload = bytes([len(contents)]) + b"".join(contents)
    return bytes([number, len(payload)]) + payload


def _exported(name: bytes, kind: int, index: int) -> bytes:
    return bytes([len(name)]) + name + bytes([kind, index])


EMPTY_PLUGIN = b"\0asm\1\0\0\0" + b"".join(
    (
        _section(1, b"\x60\0\1\x7e", b"\x60\2\x7f\x7f\0"),
        _section(3, b"\0", b"\1"),
        _section(5, b"\0\1"),
        _section(
            7,
            _exported(b"memory", 2, 0),
            _exported(b"handle_request", 0, 0),
            _exported(b"handle_response", 0, 1),
        ),
        _section(10, b"\4\0\x42\1\x0b", b"\2\0\x0b"),
    )
)
"""A plugin that passes every request on, with one page of memory."""

#!/usr/bin/env python3
"""The cost of the filter: requests per second and p99, beside the same Envoy without it, in one
run.

Needs wrk. The upstream is a second Envoy, which answers directly. Each row is the median of several
rounds. The rows take turns, so that other load on the machine affects all of them alike.
"""

import re
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from envoy.proxy import UPSTREAM, cluster, envoy, listener, listener_of, static
from harness.artifacts import WORKSPACE
from harness.process import HOST, ReservedPort

CONNECTIONS, SECONDS, ROUNDS, WORKERS = 32, 1, 7, 1
INLINE = "filter, documents in the configuration"
MIRRORED = "filter, the same upstream mirrored"
EACH_TIME = "filter, the same upstream each time"
BODY = (WORKSPACE / "host-tests/cases/bodies/8.x.json").read_text()


def main() -> None:
    direct, proxied, inline, upstream, mirrored, store = (ReservedPort() for _ in range(6))
    access = {"anonymous": ["db_viewer"]}
    answer = route(direct_response={"status": 200, "body": {"inline_string": BODY}})
    listeners = [
        listener_of(direct, [], answer),
        listener_of(proxied, [], route(route={"cluster": "ccs"})),
        listener(inline, f'{{"ccs":{{"documents":{BODY}}},"access":{{"anonymous":["db_viewer"]}}}}'),
        listener(upstream, {"ccs": {"upstream": UPSTREAM}, "access": access}),
        listener(mirrored, {"ccs": {"upstream": UPSTREAM, "refresh_ms": 1000}, "access": access}),
    ]
    names = {
        "direct_response, no filter": direct,
        INLINE: inline,
        MIRRORED: mirrored,
        "plain proxied request": proxied,
        EACH_TIME: upstream,
    }
    with envoy(static([listener_of(store, [], answer)], []), [store], WORKERS):
        with envoy(static(listeners, [cluster("ccs", store)]), [*names.values()], WORKERS):
            rounds = [{name: load(port) for name, port in names.items()} for _ in range(ROUNDS + 1)][1:]
    print(f"one Envoy, --concurrency {WORKERS}; wrk -t1 -c{CONNECTIONS} -d{SECONDS}s, "
          f"{ROUNDS} rounds; {len(BODY)} bytes\n")
    print(f"{'':<42}{'requests/s':>12}{'p50 ms':>10}{'p99 ms':>10}")
    rows = {name: [statistics.median(one[name][n] for one in rounds) for n in range(3)] for name in names}
    for name, (rate, p50, p99) in rows.items():
        print(f"{name:<42}{rate:>12.0f}{p50:>10.2f}{p99:>10.2f}")
    for other in (EACH_TIME, INLINE):
        ratio = statistics.median(one[MIRRORED][0] / one[other][0] for one in rounds)
        print(f"\n{MIRRORED}, to {other}: {ratio:.2f}")


def route(**action) -> dict:
    return {"match": {"prefix": "/"}, **action}


def load(port: int) -> tuple[float, float, float]:
    """The requests per second, and p50 and p99 in milliseconds."""
    words = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency"]
    words.append(f"http://{HOST}:{port}/v1/modules")
    out = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "Non-2xx" not in out and "Socket errors" not in out, out
    rate = re.search(r"Requests/sec: *([\d.]+)", out)[1]
    return float(rate), *(milliseconds(re.search(rf"{p}% *(\S+)", out)[1]) for p in (50, 99))


def milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What the filter costs: requests a second and p99, beside the same Envoy without it, in one run.

Needs wrk. The upstream is a second Envoy, which answers directly.
"""

import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from envoy.proxy import UPSTREAM, cluster, envoy, listener, listener_of, static
from harness.artifacts import WORKSPACE
from harness.process import HOST, free_port

CONNECTIONS, SECONDS, WORKERS = 32, 5, 1
BODY = (WORKSPACE / "host-tests/cases/bodies/8.x.json").read_text()


def main() -> None:
    direct, proxied, inline, upstream, mirrored, store = (free_port() for _ in range(6))
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
        "filter, documents in the configuration": inline,
        "filter, the same upstream mirrored": mirrored,
        "plain proxied request": proxied,
        "filter, the same upstream each time": upstream,
    }
    print(f"one Envoy, --concurrency {WORKERS}; wrk -t1 -c{CONNECTIONS} -d{SECONDS}s; {len(BODY)} bytes\n")
    print(f"{'':<42}{'requests/s':>12}{'p50':>10}{'p99':>10}")
    with envoy(static([listener_of(store, [], answer)], []), [store], WORKERS):
        with envoy(static(listeners, [cluster("ccs", store)]), [*names.values()], WORKERS):
            for name, port in names.items():
                load(port, 1)
                print(f"{name:<42}{load(port, SECONDS)}", flush=True)


def route(**action) -> dict:
    return {"match": {"prefix": "/"}, **action}


def load(port: int, seconds: int) -> str:
    words = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"]
    words.append(f"http://{HOST}:{port}/v1/modules")
    out = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "Non-2xx" not in out and "Socket errors" not in out, out
    rate = re.search(r"Requests/sec: *([\d.]+)", out)[1]
    p50, p99 = (re.search(rf"{p}% *(\S+)", out)[1] for p in (50, 99))
    return f"{float(rate):>12.0f}{p50:>10}{p99:>10}"


if __name__ == "__main__":
    main()

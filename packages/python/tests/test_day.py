"""A day of a mirror, with a fault in every other hour, by a clock that does not wait."""

import json
import os
import resource
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

from wasmtime.component import Record

from ccs_modules import Mirror, _component

HOUR = 3600
FAULTS = ["hung", "denied", "trapped", "full", "replaced", "malformed"]


class Cluster:
    """A cluster whose list changes all ten minutes, and the clock of its mirror."""

    def __init__(self):
        self.fault, self.passed = None, 0.0
        self.began = time.time()

    def time(self):
        return self.began + self.passed

    def time_ns(self):
        return int(self.time() * 1e9)

    def monotonic_ns(self):
        return int(self.passed * 1e9)

    @property
    def list(self):
        return f'[{{"uid":"{self.passed // 600:.0f}"}}]'

    def fetched(self, fetch, tls):
        if self.fault == "hung":
            self.passed += fetch.timeout / 1000
            return f"no response in {fetch.timeout} ms"
        made = Record()
        made.status, made.headers = 403 if self.fault == "denied" else 200, []
        made.body = {"trapped": LARGE, "malformed": "[{"}.get(self.fault, self.list)
        return made


LARGE = json.dumps([{"uid": str(at), "description": "x" * 1000} for at in range(2000)])


class Day(unittest.TestCase):
    def test_a_mirror_goes_on_whatever_happens(self):
        cluster, levels = Cluster(), []
        real = _component.Instance.__init__

        def small(instance):
            real(instance)
            instance._store.set_limits(memory_size=2 << 20)

        with (
            tempfile.TemporaryDirectory() as folder,
            mock.patch("ccs_modules.mirror.time", cluster),
            mock.patch("ccs_modules.mirror.fetched", cluster.fetched),
            mock.patch.object(_component.Instance, "__init__", small),
            self.assertLogs("ccs_modules") as logs,
        ):
            file = Path(folder, "snapshot.json")
            mirror = Mirror({"nodes": ["http://node1"], "refresh_ms": 60_000}, snapshot_file=file)
            for hour in range(24):
                cluster.fault = FAULTS[hour // 2 % len(FAULTS)] if hour % 2 else None
                with fault_of_files(cluster.fault, file):
                    while cluster.passed < (hour + 1) * HOUR - 300:  # On the hour the list changes.
                        cluster.passed += mirror.refresh()
                self.assertEqual(os.listdir(folder), [file.name])
                if cluster.fault is None:
                    self.assertEqual(mirror.status.freshness, "fresh", f"hour {hour}: {mirror.status}")
                    for text in (mirror.save(), file.read_text()):
                        self.assertIn(cluster.list, text)
                levels.append(resident())

        self.assertLess(levels[-1] - levels[12], 32 << 20, levels)
        for expected in [
            "no response in 5000 ms",
            "answered 403",
            "the component failed: .*; the mirror starts again",
            "cannot be written: File too large",
            "the list is refused",
        ]:
            self.assertRegex("\n".join(logs.output), expected)


class fault_of_files:
    """A disk that takes no more bytes, or a snapshot file that was cut off."""

    def __init__(self, fault, file):
        self.limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        self.fault, self.file = fault, file

    def __enter__(self):
        if self.fault == "full":
            resource.setrlimit(resource.RLIMIT_FSIZE, (64, self.limits[1]))
        if self.fault == "replaced":
            self.file.write_text(self.file.read_text()[:20])

    def __exit__(self, *_):
        resource.setrlimit(resource.RLIMIT_FSIZE, self.limits)


def resident():
    """The memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

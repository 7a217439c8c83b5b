"""Load on an HTTP server: as many GET requests as it answers, over connections kept open.

``wrk`` makes the load where it is installed; else an asyncio program does, which tops out lower
and then says so. Either runs on a core of its own, so that the server has one to itself.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_WRK_SCRIPT = Path(__file__).with_name("load.lua")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Load:
    """What the clients saw, and what it cost the server."""

    requests_per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    requests: int
    failed: int
    server_cpu_seconds: float
    generator: str

    @property
    def requests_per_cpu_second(self) -> float:
        """Per second of the server's own processor time: holds on a busy machine as well."""
        return self.requests / max(self.server_cpu_seconds, 1 / _TICKS_PER_SECOND)

    def details(self) -> dict[str, object]:
        """As JSON values, rounded for reading."""
        values = asdict(self) | {"requests_per_cpu_second": self.requests_per_cpu_second}
        return {
            name: round(value, 2) if isinstance(value, float) else value
            for name, value in values.items()
        }


class LoadFailed(RuntimeError):
    """The server refused or dropped requests: a rate of errors is no figure."""


def load(
    url: str,
    paths: Sequence[str],
    *,
    server_pid: int,
    connections: int = 32,
    seconds: float = 5.0,
    headers: Mapping[str, str] | None = None,
    warm: bool = True,
) -> Load:
    """Ask ``url`` for ``paths`` in turn, ``warm``: after a second of it. Raises LoadFailed."""
    generator = _wrk if shutil.which("wrk") else _own
    with tempfile.NamedTemporaryFile("w", suffix=".paths") as file:
        file.write("\n".join(paths))
        file.flush()
        if warm:
            _run(generator(url, file.name, connections, 1.0, headers or {}))
        before = cpu_seconds(server_pid)
        seen = _run(generator(url, file.name, connections, seconds, headers or {}))
        used = cpu_seconds(server_pid) - before
    if seen["failed"] or not seen["requests"]:
        raise LoadFailed(f"{seen['failed']:.0f} of {seen['requests']:.0f} requests failed: {url}")
    return Load(
        requests_per_second=seen["requests"] / seen["seconds"],
        p50_ms=seen["p50_ms"],
        p95_ms=seen["p95_ms"],
        p99_ms=seen["p99_ms"],
        requests=int(seen["requests"]),
        failed=int(seen["failed"]),
        server_cpu_seconds=used,
        generator=generator.__name__.strip("_"),
    )


def pinned(command: Sequence[str], core: int) -> list[str]:
    """The command, kept to the ``core``-th of the cores that we may use, if there are that many."""
    usable = sorted(os.sched_getaffinity(0))
    if core >= len(usable) or not shutil.which("taskset"):
        return list(command)
    return ["taskset", "-c", str(usable[core]), *command]


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def _wrk(
    url: str, paths: str, connections: int, seconds: float, headers: Mapping[str, str]
) -> list[str]:
    named = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    sizes = ["-t", "1", "-c", str(connections), "-d", f"{max(1, round(seconds))}s"]
    sizes += ["--timeout", "30s"]
    return ["wrk", *sizes, *named, "-s", str(_WRK_SCRIPT), url, "--", paths]


def _own(
    url: str, paths: str, connections: int, seconds: float, headers: Mapping[str, str]
) -> list[str]:
    options = [url, paths, str(connections), str(seconds), json.dumps(dict(headers))]
    return [sys.executable, "-m", "benchmarks.load_generator", *options]


def _run(command: Sequence[str]) -> dict[str, float]:
    done = subprocess.run(pinned(command, 1), capture_output=True, text=True, check=False)
    if done.returncode:
        raise LoadFailed((done.stderr or done.stdout).strip()[-800:])
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found

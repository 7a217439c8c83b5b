"""HTTP servers to measure: one worker on a core of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import pinned

_ROOT = Path(__file__).parent.parent
_START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Served:
    """A server that takes requests."""

    url: str
    pid: int


class NotServed(RuntimeError):
    """The server ended or does not answer."""


@contextmanager
def served(application: str, environment: Mapping[str, str] | None = None) -> Iterator[Served]:
    """uvicorn with ``application``, on uvloop and httptools and without an access log."""
    port = _free_port()
    command = [sys.executable, "-m", "uvicorn", application, "--port", str(port)]
    fast = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    with subprocess.Popen(
        pinned([*command, *fast], 0), cwd=_ROOT, env={**os.environ, **(environment or {})}
    ) as server:
        try:
            _wait(server, port)
            yield Served(f"http://127.0.0.1:{port}", server.pid)
        finally:
            server.terminate()


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise NotServed(f"no answer on port {port}; exit code {server.poll()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

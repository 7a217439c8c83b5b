"""What a server is to us: how it is found, started and stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from twofold.errors import TwofoldError


class ServiceProblem(TwofoldError):
    """A server can't be started or stopped; says what to install or to look at."""


class Running(msgspec.Struct, frozen=True):
    """A server that we started. ``started`` tells its process from a later one with the same id."""

    name: str
    address: str
    pid: int
    started: str
    folder: str


class Service(Protocol):
    """A kind of server. An address in the variable ``variable`` is used instead of starting one."""

    @property
    def name(self) -> str:
        """As written on the command line."""

    @property
    def variable(self) -> str:
        """The environment variable with the address of a server that runs already."""

    def start(self, folder: Path) -> Running:
        """Start one with its data in ``folder``, ready when this returns. Raises ServiceProblem."""

    def ready(self, running: Running) -> bool:
        """Whether it answers."""


def free_port() -> int:
    """A port of the loopback interface that nobody uses right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_time(pid: int) -> str:
    """When a process was started, in the kernel's clock ticks; "" if there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]


def alive(running: Running) -> bool:
    """Whether the very process that we started still runs."""
    return bool(running.started) and start_time(running.pid) == running.started


def stop(running: Running, *, how: int = signal.SIGTERM, seconds: float = 20.0) -> None:
    """End the process that we started, and only that."""
    if not alive(running):
        return
    os.kill(running.pid, how)
    if not until(lambda: not alive(running), seconds) and alive(running):
        os.kill(running.pid, signal.SIGKILL)
        until(lambda: not alive(running), 5.0)


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Ask until ``condition`` holds; whether it did in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def run(command: Sequence[str], *, what: str) -> None:
    """Run a program to its end. Raises ServiceProblem with what it said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServiceProblem(f"{what} failed: {(done.stderr or done.stdout).strip()[-800:]}")

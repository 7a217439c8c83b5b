"""Processes that outlive the one that starts them, told apart from later ones with their id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from twofold.ops.services.service import Running, ServiceProblem


def free_port() -> int:
    """A port of the loopback interface that nobody uses right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def spawn(command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> int:
    """Start a program in a session of its own, its output added to ``log``; its process id.

    Signals from the terminal do not reach it, and it stays when we end. ``environment`` is added
    to ours.
    """
    to_log = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    streams = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), to_log, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    try:
        return os.posix_spawnp(
            command[0],
            list(command),
            {**os.environ, **(environment or {})},
            file_actions=streams,
            setsid=True,
        )
    except FileNotFoundError as exc:
        raise ServiceProblem(f"{command[0]} is not installed") from exc


def start_time(pid: int) -> str:
    """When a process was started, in the kernel's clock ticks; "" if there is none.

    A process that ended and waits for its parent to notice counts as gone.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def child_of(pid: int) -> int:
    """The first process that ``pid`` has started and that still runs; 0 if there is none."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0
    return int(children[0]) if children else 0


def alive(running: Running) -> bool:
    """Whether the very process that we started still runs."""
    return bool(running.started) and start_time(running.pid) == running.started


def anyone_works_in(folder: Path) -> bool:
    """Whether ``folder`` is the current folder of some process that we may look at."""
    wanted = str(folder.resolve())
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if os.readlink(link) == wanted:
                return True
        except OSError:
            continue
    return False


def end(running: Running, steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn and give it that many seconds, until the process is gone."""
    for how, seconds in steps:
        if not alive(running):
            return
        os.kill(running.pid, how)
        until(lambda: not alive(running), seconds)
    if alive(running):
        raise ServiceProblem(f"{running.name} (process {running.pid}) does not end")


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Ask until ``condition`` holds; whether it did in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def run(command: Sequence[str], *, what: str) -> None:
    """Run a program to its end. Raises ServiceProblem with what it said."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as exc:
        raise ServiceProblem(f"{command[0]} is not installed") from exc
    if done.returncode:
        raise ServiceProblem(f"{what} failed: {(done.stderr or done.stdout).strip()[-800:]}")

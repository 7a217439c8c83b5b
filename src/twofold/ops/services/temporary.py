"""Servers for one test run: gone with the run, however it ends.

A keeper process starts the server and waits for the end of its own input, a pipe that only the
test run holds. The kernel closes that pipe when the run ends, by whatever signal.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from twofold.ops.services.fleet import Fleet, named
from twofold.ops.services.service import Running, ServiceProblem

_KEEPER = "twofold.ops.services.keeper"


@contextmanager
def temporary(name: str, files: Mapping[str, str] | None = None) -> Iterator[Running]:
    """A server with a folder and a port of its own, never one named in the environment.

    ``files`` are put into its folder before it starts. It may be killed and brought back with
    ``restart`` meanwhile. Raises ServiceProblem.
    """
    named([name])
    folder = Path(tempfile.mkdtemp(prefix=f"twofold-{name}-"))
    folder.chmod(0o755)
    for file, text in (files or {}).items():
        (folder / name).mkdir(exist_ok=True)
        (folder / name / file).write_text(text)
    command = [sys.executable, "-m", _KEEPER, name, str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as keeper:
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        problem = keeper.stdout.readline().strip()
        running = Fleet(folder, given={}).running(name)
        if running is None:
            raise ServiceProblem(problem or f"{name} could not be started")
        try:
            yield running
        finally:
            keeper.stdin.close()
            keeper.wait()


@contextmanager
def provided(name: str) -> Iterator[str]:
    """The address given in the environment, else that of a temporary server."""
    (service,) = named([name])
    given = os.environ.get(service.address_variable)
    if given:
        yield given
        return
    with temporary(name) as running:
        yield running.address


def restart(running: Running) -> Running:
    """Bring a temporary server back on its port and data after it was killed or stopped."""
    fleet = Fleet(Path(running.folder).parent, given={})
    fleet.up([running.name])
    return fleet.running(running.name) or running

"""Starting a server and waiting until it answers; asking one whether it does."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from twofold.ops.services.processes import alive, spawn, start_time, until
from twofold.ops.services.service import Running, Service, ServiceProblem

_PROBE_SECONDS = 2.0


def launched(
    service: Service,
    command: Sequence[str],
    folder: Path,
    address: str,
    *,
    seconds: float,
    environment: Mapping[str, str] | None = None,
) -> Running:
    """The server, answering at ``address``. Raises ServiceProblem with what it said last."""
    log = folder / "log"
    log.unlink(missing_ok=True)
    pid = spawn(command, log, environment)
    running = Running(service.name, address, pid, start_time(pid), str(folder))
    until(lambda: service.ready(address) or not alive(running), seconds)
    if not (alive(running) and service.ready(address)):
        service.stop(running)
        said = log.read_text(errors="replace")[-800:]
        raise ServiceProblem(f"{service.name} did not start; it said: {said}")
    return running


def says(address: str, request: bytes, answer: bytes) -> bool:
    """Whether the server at ``address`` answers ``request`` with something like ``answer``."""
    parts = urlsplit(address)
    try:
        place = (parts.hostname or "127.0.0.1", parts.port or 0)
        with socket.create_connection(place, _PROBE_SECONDS) as probe:
            probe.sendall(request)
            probe.settimeout(_PROBE_SECONDS)
            return answer in probe.recv(256)
    except OSError:
        return False

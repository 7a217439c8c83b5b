"""Starting, stopping and looking at several servers; what runs is written down in a folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from twofold.ops.services.postgres import Postgres
from twofold.ops.services.service import Running, Service, ServiceProblem, alive, stop

SERVICES: tuple[Service, ...] = (Postgres(),)


def default_folder() -> Path:
    """Where servers keep their data: outside the project, so that other accounts can enter it."""
    name = str(Path.cwd()).strip("/").replace("/", "-")
    return Path(tempfile.gettempdir()) / f"twofold-services-{os.geteuid()}" / name


class Fleet:
    """The servers whose data and state are in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def up(self, names: Sequence[str] = ()) -> Mapping[str, str]:
        """Start what does not run yet; addresses by name. Raises ServiceProblem."""
        return {service.name: self._up(service) for service in _named(names)}

    def down(self, names: Sequence[str] = ()) -> Sequence[str]:
        """End what we started; names of those that were running."""
        ended = []
        for service in _named(names):
            running = self._state(service)
            if running is not None and alive(running):
                stop(running)
                ended.append(service.name)
            self._file(service).unlink(missing_ok=True)
        return ended

    def status(self, names: Sequence[str] = ()) -> Mapping[str, str]:
        """ "up <address>", "given <address>" (from the environment), "dead" or "down"."""
        return {service.name: self._status(service) for service in _named(names)}

    def _up(self, service: Service) -> str:
        given = os.environ.get(service.variable)
        if given:
            return given
        running = self._state(service)
        if running is not None and alive(running) and service.ready(running):
            return running.address
        running = service.start(self._folder / service.name)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file(service).write_bytes(msgspec.json.encode(running))
        return running.address

    def _status(self, service: Service) -> str:
        given = os.environ.get(service.variable)
        if given:
            return f"given {given}"
        running = self._state(service)
        if running is None:
            return "down"
        return f"up {running.address}" if alive(running) and service.ready(running) else "dead"

    def _file(self, service: Service) -> Path:
        return self._folder / f"{service.name}.json"

    def _state(self, service: Service) -> Running | None:
        try:
            return msgspec.json.decode(self._file(service).read_bytes(), type=Running)
        except (OSError, msgspec.MsgspecError):
            return None


@contextmanager
def temporary(name: str) -> Iterator[Running]:
    """A server for one test run, with a folder and port of its own; nothing is left behind."""
    (service,) = _named([name])
    folder = Path(tempfile.mkdtemp(prefix=f"twofold-{name}-"))
    folder.chmod(0o755)
    running = service.start(folder)
    try:
        yield running
    finally:
        stop(running)
        shutil.rmtree(folder, ignore_errors=True)


def _named(names: Sequence[str]) -> Sequence[Service]:
    known = {service.name: service for service in SERVICES}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ServiceProblem(f"no service {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in names] or list(SERVICES)

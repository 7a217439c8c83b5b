"""Starting, stopping and looking at several servers; what runs is written down in a folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from twofold.ops.services.kafka import Kafka
from twofold.ops.services.mongodb import MongoDb
from twofold.ops.services.postgres import Postgres
from twofold.ops.services.processes import alive, free_port, is_free, until
from twofold.ops.services.rabbitmq import RabbitMq
from twofold.ops.services.redis import Redis
from twofold.ops.services.service import Running, Service, ServiceProblem

SERVICES: tuple[Service, ...] = (Postgres(), Redis(), RabbitMq(), Kafka(), MongoDb())
FOLDER = Path(".services")
_RELEASE_SECONDS = 5.0

State = Literal["up", "given", "silent", "dead", "down"]


class Status(msgspec.Struct, frozen=True):
    """What is true of a server now.

    ``up``: started by us and answering; ``given``: named in the environment and answering;
    ``silent``: there, and not answering; ``dead``: started by us and gone; ``down``: not started.
    """

    state: State
    address: str = ""
    pid: int = 0


class Fleet:
    """The servers whose data and state are in ``folder``.

    ``given`` holds the environment variables in which addresses of other servers may stand.
    """

    def __init__(self, folder: Path, given: Mapping[str, str]) -> None:
        self._folder = folder.absolute()
        self._given = given

    def up(self, names: Sequence[str] = ()) -> dict[str, str]:
        """Start what does not run yet; addresses by name. Raises ServiceProblem."""
        with self._alone():
            return {service.name: self._up(service) for service in named(names)}

    def down(self, names: Sequence[str] = ()) -> list[str]:
        """End what we started, keeping its data; names of those that were running."""
        if not self._folder.exists():
            return []
        with self._alone():
            return [service.name for service in named(names) if self._down(service)]

    def status(self, names: Sequence[str] = ()) -> dict[str, Status]:
        """What is true of each server now, asked of the server itself."""
        return {service.name: self._status(service) for service in named(names)}

    def running(self, name: str) -> Running | None:
        """What we wrote down of the server that we started last, alive or not."""
        try:
            return msgspec.json.decode(self._file(name).read_bytes(), type=Running)
        except (OSError, msgspec.MsgspecError):
            return None

    def _up(self, service: Service) -> str:
        given = self._given.get(service.address_variable)
        if given:
            return given
        former = self.running(service.name)
        if former is not None and alive(former):
            if service.ready(former.address):
                return former.address
            service.stop(former)
        running = service.start(self._folder / service.name, _port_after(former))
        self._file(service.name).write_bytes(msgspec.json.encode(running))
        return running.address

    def _down(self, service: Service) -> bool:
        running = self.running(service.name)
        was_alive = running is not None and alive(running)
        if running is not None:
            service.stop(running)
        self._file(service.name).unlink(missing_ok=True)
        return was_alive

    def _status(self, service: Service) -> Status:
        given = self._given.get(service.address_variable)
        if given:
            return Status("given" if service.ready(given) else "silent", given)
        running = self.running(service.name)
        if running is None:
            return Status("down")
        if not alive(running):
            return Status("dead", running.address, running.pid)
        answers = service.ready(running.address)
        return Status("up" if answers else "silent", running.address, running.pid)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two test runs that start at once must not both start a server."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _port_after(former: Running | None) -> int:
    """The former port again, so that addresses already handed out come back to life."""
    # The last threads of a killed process may hold it for a moment.
    if former is not None and until(lambda: is_free(former.port), _RELEASE_SECONDS):
        return former.port
    return free_port()


def named(names: Sequence[str]) -> list[Service]:
    """The services with these names, all of them if none is named. Raises ServiceProblem."""
    known = {service.name: service for service in SERVICES}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ServiceProblem(f"no service {', '.join(unknown)}; there are: {', '.join(known)}")
    return [known[name] for name in names] or list(SERVICES)


def up(names: Sequence[str] = (), folder: Path = FOLDER) -> dict[str, str]:
    """Start what does not run yet; addresses by name. Raises ServiceProblem."""
    return Fleet(folder, os.environ).up(names)


def down(names: Sequence[str] = (), folder: Path = FOLDER) -> list[str]:
    """End what we started; names of those that were running."""
    return Fleet(folder, os.environ).down(names)


def status(names: Sequence[str] = (), folder: Path = FOLDER) -> dict[str, Status]:
    """What is true of each server now."""
    return Fleet(folder, os.environ).status(names)

"""What a server is to us: how it is found, started and stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

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

    @property
    def port(self) -> int:
        """The port of ``address``."""
        return urlsplit(self.address).port or 0


class Service(Protocol):
    """A kind of server. An address in ``address_variable`` is used instead of starting one."""

    @property
    def name(self) -> str:
        """As written on the command line."""

    @property
    def address_variable(self) -> str:
        """The environment variable with the address of a server that runs already."""

    def start(self, folder: Path, port: int) -> Running:
        """Start one with its data in ``folder``; it answers when this returns.

        A folder that holds data already is taken up again, after a kill as well. The folder in
        the result may be another one where the server can't use this one. Raises ServiceProblem.
        """

    def stop(self, running: Running) -> None:
        """End that process and wait for it; nothing happens if it is gone."""

    def ready(self, address: str) -> bool:
        """Whether a server at ``address`` answers, within some seconds."""

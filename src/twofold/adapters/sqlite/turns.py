"""Turns: of several processes that write to one file, each gets to.

SQLite lets whoever waits for its write lock look again every now and then, every tenth of a second
in the end. A process that writes without a pause takes the lock back within microseconds, so others
would come too late each time. Here whoever wants to write next holds a second lock until it has got
SQLite's own, and a process that has just written has to wait behind it.
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import IO

if sys.platform != "win32":
    import fcntl


class Turns:
    """One per process and file; used by the writer's thread alone."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}-turn")
        self._file: IO[bytes] | None = None

    def begin(self, connection: sqlite3.Connection) -> None:
        """Begin a transaction that may write. Raises sqlite3.OperationalError, OSError."""
        if sys.platform == "win32":
            # There are no such locks, so nobody takes turns.
            connection.execute("begin immediate")
            return
        if self._file is None:
            self._file = self._path.open("ab")
        # Let go by the system if the process dies.
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            connection.execute("begin immediate")
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def end(self) -> None:
        """Close the file; it stays where it is, for others."""
        if self._file is not None:
            self._file.close()
            self._file = None

"""Room on the disk where a file or folder lies."""

from __future__ import annotations

import shutil
from pathlib import Path

from twofold.errors import StoreUnavailable
from twofold.ports.vitals import Vitals


class Space:
    """``name`` says whose room it is. Its clock is this machine's, so there is none to compare."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path

    async def look(self) -> Vitals:
        """What is free for us, quotas aside. Raises StoreUnavailable."""
        try:
            return Vitals(free_bytes=shutil.disk_usage(_there(self._path.absolute())).free)
        except OSError as exc:
            raise StoreUnavailable(self.name, exc.strerror or type(exc).__name__) from exc


def _there(path: Path) -> Path:
    """The nearest folder above that is there: files are made when they are needed."""
    return path if path.exists() or path == path.parent else _there(path.parent)

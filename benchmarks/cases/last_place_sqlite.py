"""A thousand people for one last place on SQLite: one booking, the rest queued."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.figures import Figures, at_least
from benchmarks.last_place import details, race
from benchmarks.raw import sqlite_appends

NAME = "last-place-sqlite"
GOAL = at_least(1_000)
UNIT = "decisions/s"


def run() -> Figures:
    """All at once, in one process with its processes and projectors."""
    with tempfile.TemporaryDirectory() as folder:
        rate, times = race(f"sqlite:///{Path(folder) / 'race.db'}")
    return Figures(rate, sqlite_appends().figure, None, details(times))

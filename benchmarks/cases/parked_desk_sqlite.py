"""Listing, showing and releasing with 100,000 parked sequences, on SQLite."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec

from benchmarks.figures import Figures, at_most
from benchmarks.parking import desk

NAME = "parked-desk-sqlite"
GOAL = at_most(50)
UNIT = "ms"


def run() -> Figures:
    """The slowest of the three, the 95th of a hundred. There is no raw limit but the goal."""
    with tempfile.TemporaryDirectory() as folder:
        times = desk(f"sqlite:///{Path(folder) / 'log.db'}")
    return Figures(times.worst, GOAL.bound, None, msgspec.to_builtins(times))

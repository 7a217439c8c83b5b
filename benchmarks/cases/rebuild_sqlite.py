"""Rebuild of a read model from the log, SQLite to SQLite."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.figures import Figures, at_least
from benchmarks.raw import sqlite_appends
from benchmarks.rebuilding import EVENTS, rebuild_rate

NAME = "rebuild-sqlite"
GOAL = at_least(60_000)
UNIT = "events/s"


def run() -> Figures:
    """100,000 events over 1,000 documents."""
    with tempfile.TemporaryDirectory() as folder:
        rate = rebuild_rate(f"sqlite:///{Path(folder) / 'log.db'}")
    return Figures(rate, sqlite_appends().figure, None, {"events": EVENTS})

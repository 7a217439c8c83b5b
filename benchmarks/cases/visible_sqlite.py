"""Commit to visible in the asynchronous read model at 1,000 commands/s, SQLite."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.figures import Figures, at_most
from benchmarks.freshness import COMMANDS_PER_SECOND, visible_after
from benchmarks.raw import sqlite_appends
from benchmarks.workload import percentile

NAME = "visible-sqlite"
GOAL = at_most(5)
UNIT = "ms (median)"


def run() -> Figures:
    """The median; the raw limit is one transaction that writes ten rows."""
    with tempfile.TemporaryDirectory() as folder:
        times = visible_after(f"sqlite:///{Path(folder) / 'log.db'}")
    raw = 1e3 * 10 / sqlite_appends(batch=10).figure
    details = {
        "commands_per_second": COMMANDS_PER_SECOND,
        "p99_ms": percentile(times, 0.99),
        "p99_goal_ms": 25,
    }
    return Figures(percentile(times, 0.5), raw, None, details)

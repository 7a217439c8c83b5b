"""Timers fired per second on SQLite with 100,000 others pending, and what those cost."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.figures import Figures, at_least
from benchmarks.raw import sqlite_appends
from benchmarks.timers import PENDING, Measured, measured
from benchmarks.workload import on_fast_loop

NAME = "timers-sqlite"
GOAL = at_least(2_000)
UNIT = "timers/s"


def run() -> Figures:
    """One scheduler; every timer fired is a step of its instance, recorded in its history."""
    with tempfile.TemporaryDirectory() as folder:
        found: Measured = on_fast_loop(lambda: measured(f"sqlite:///{Path(folder) / 'log.db'}"))
    raw = sqlite_appends()
    details = {
        "pending": PENDING,
        "idle_percent_of_a_core": round(found.idle_percent, 2),
        "fired_with_a_command_each_per_second": round(found.sent),
        "set_per_second": round(found.steps),
    }
    return Figures(found.fired, raw.figure, None, details)

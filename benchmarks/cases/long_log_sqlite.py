"""Append and rebuild rates on a log of 5 million events beside those on 100,000, SQLite."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.figures import Figures, at_least
from benchmarks.long_log import kept_speed

NAME = "long-log-sqlite"
GOAL = at_least(0.9)
UNIT = "of the rate"


def run() -> Figures:
    """The slower of both; BENCHMARK_EVENTS makes the log shorter."""
    with tempfile.TemporaryDirectory() as folder:
        return kept_speed(f"sqlite:///{Path(folder) / 'long.db'}")

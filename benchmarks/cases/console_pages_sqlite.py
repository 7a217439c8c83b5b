"""Pages of the console on a log of 5 million events, on SQLite."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.console import pages
from benchmarks.figures import Figures, at_most

NAME = "console-pages-sqlite"
GOAL = at_most(100)
UNIT = "ms"


def run() -> Figures:
    """The slowest page; BENCHMARK_EVENTS makes the log shorter."""
    with tempfile.TemporaryDirectory() as folder:
        return pages(f"sqlite:///{Path(folder) / 'log.db'}")

"""A rebuild beside live load: how much later the slowest of a hundred commands become visible."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec

from benchmarks.figures import Figures, at_most
from benchmarks.rebuilding_live import live

NAME = "rebuild-live-sqlite"
GOAL = at_most(1.2)
UNIT = "of the p99 without"


def run() -> Figures:
    """500 commands/s, and a rebuild of 100,000 events with a tenth of the time."""
    with tempfile.TemporaryDirectory() as folder:
        found = live(f"sqlite:///{Path(folder) / 'log.db'}")
    return Figures(found.p99_beside / found.p99_without, 1.0, None, msgspec.to_builtins(found))

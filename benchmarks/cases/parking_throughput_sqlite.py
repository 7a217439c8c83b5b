"""What one parked sequence costs the others: the share of the rate that is left."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec

from benchmarks.figures import Figures, at_least
from benchmarks.parking import throughput

NAME = "parking-throughput-sqlite"
GOAL = at_least(0.95)
UNIT = "of the rate"


def run() -> Figures:
    """50,000 events over 1,000 documents, of which one waits."""
    with tempfile.TemporaryDirectory() as folder:
        costs = throughput(f"sqlite:///{Path(folder) / 'log.db'}")
    return Figures(costs.beside / costs.without, 1.0, None, msgspec.to_builtins(costs))

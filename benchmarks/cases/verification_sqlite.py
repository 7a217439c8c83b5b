"""Verification of a read model, as a share of the rate at which it is rebuilt; SQLite."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec

from benchmarks.figures import Figures, at_least
from benchmarks.verifying import verification_rate

NAME = "verification-sqlite"
GOAL = at_least(0.6)
UNIT = "of the rebuild's rate"


def run() -> Figures:
    """100,000 events over 1,000 documents: folded into a shadow and compared."""
    with tempfile.TemporaryDirectory() as folder:
        rates = verification_rate(f"sqlite:///{Path(folder) / 'log.db'}")
    return Figures(rates.verification / rates.rebuild, 1.0, None, msgspec.to_builtins(rates))

"""Import of 320,705 real invoice lines with every read model in step, SQLite."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.figures import Figures, at_most
from benchmarks.importing import imported
from benchmarks.raw import sqlite_appends

NAME = "import-sqlite"
GOAL = at_most(30)
UNIT = "s"


def run() -> Figures:
    """In a process of its own; the raw limit appends as many rows."""
    raw = sqlite_appends().figure
    with tempfile.TemporaryDirectory() as folder:
        return imported(f"sqlite:///{Path(folder) / 'shop.db'}", raw)

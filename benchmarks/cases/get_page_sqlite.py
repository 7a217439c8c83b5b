"""GET of a filtered page of 20 with its total over HTTP, per core, SQLite."""

from __future__ import annotations

from benchmarks.figures import Figures, at_least
from benchmarks.reading import figures

NAME = "get-page-sqlite"
GOAL = at_least(3_000)
UNIT = "requests/s"


def run() -> Figures:
    """One uvicorn worker pinned to a core; FastAPI with SQLAlchemy in the same run."""
    return figures("sqlite", "page")

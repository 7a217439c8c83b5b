"""GET of one stored document over HTTP, per core, PostgreSQL."""

from __future__ import annotations

from benchmarks.figures import Figures, at_least
from benchmarks.reading import figures

NAME = "get-document-postgres"
GOAL = at_least(15_000)
UNIT = "requests/s"


def run() -> Figures:
    """One uvicorn worker pinned to a core; FastAPI with SQLAlchemy in the same run."""
    return figures("postgres", "document")

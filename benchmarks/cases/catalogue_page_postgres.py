"""A catalogue page over 100,000 offers on PostgreSQL, beside SQLAlchemy joins."""

from __future__ import annotations

from benchmarks.catalogue_pages import figures
from benchmarks.figures import Figures, at_most

NAME = "catalogue-page-postgres"
GOAL = at_most(20)
UNIT = "ms (p95)"


def run() -> Figures:
    """Three filters, sort, total and facets."""
    return figures("postgres")

"""Commit to visible through Redis Streams in a separate PostgreSQL."""

from __future__ import annotations

from benchmarks.figures import Figures, at_most
from benchmarks.pipelines import freshness

NAME = "visible-redis-postgres"
GOAL = at_most(8)
UNIT = "ms (median)"


def run() -> Figures:
    """500 commands/s; the median."""
    return freshness("redis", "postgres")

"""Commit to visible through Kafka on a MongoDB-protocol server."""

from __future__ import annotations

from benchmarks.figures import Figures, at_most
from benchmarks.pipelines import freshness

NAME = "visible-kafka-mongodb"
GOAL = at_most(15)
UNIT = "ms (median)"


def run() -> Figures:
    """500 commands/s; the median."""
    return freshness("kafka", "mongodb")

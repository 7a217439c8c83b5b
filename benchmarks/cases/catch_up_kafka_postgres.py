"""A projector that catches up from Kafka into PostgreSQL."""

from __future__ import annotations

from benchmarks.figures import Figures, at_least
from benchmarks.pipelines import caught_up

NAME = "catch-up-kafka-postgres"
GOAL = at_least(20_000)
UNIT = "events/s"


def run() -> Figures:
    """100,000 events that are there already."""
    return caught_up("kafka", "postgres")

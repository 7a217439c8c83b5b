"""A relay that catches up with the log, into Kafka."""

from __future__ import annotations

from benchmarks.figures import Figures, at_least
from benchmarks.pipelines import relayed

NAME = "relay-kafka"
GOAL = at_least(30_000)
UNIT = "events/s"


def run() -> Figures:
    """100,000 events that are there already."""
    return relayed("kafka")

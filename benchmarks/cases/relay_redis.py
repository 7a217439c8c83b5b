"""A relay that catches up with the log, into Redis Streams."""

from __future__ import annotations

from benchmarks.figures import Figures, at_least
from benchmarks.pipelines import relayed

NAME = "relay-redis"
GOAL = at_least(20_000)
UNIT = "events/s"


def run() -> Figures:
    """100,000 events that are there already."""
    return relayed("redis")

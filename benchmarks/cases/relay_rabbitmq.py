"""A relay that catches up with the log, into RabbitMQ."""

from __future__ import annotations

from benchmarks.figures import Figures, at_least
from benchmarks.pipelines import relayed

NAME = "relay-rabbitmq"
GOAL = at_least(0.8)
UNIT = "of the transport's rate"


def run() -> Figures:
    """100,000 events that are there already."""
    found = relayed("rabbitmq")
    rates = {"events_per_second": round(found.figure), "transport_per_second": round(found.raw)}
    return Figures(found.figure / found.raw, 1.0, None, {**found.details, **rates})

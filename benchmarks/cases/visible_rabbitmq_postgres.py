"""Commit to visible through RabbitMQ in a separate PostgreSQL."""

from __future__ import annotations

from benchmarks.figures import Figures, at_most
from benchmarks.pipelines import freshness

NAME = "visible-rabbitmq-postgres"
GOAL = at_most(10)
UNIT = "ms (median)"


def run() -> Figures:
    """500 commands/s; the median."""
    return freshness("rabbitmq", "postgres")

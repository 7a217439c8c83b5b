"""What an application can run on: every combination that makes sense, and some that do not."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

NAMES = {
    "sqlite": "SQLite",
    "postgres": "PostgreSQL",
    "none": "none",
    "kafka": "Kafka",
    "rabbitmq": "RabbitMQ",
    "redis": "Redis Streams",
    "same": "same database",
    "separate": "separate PostgreSQL",
    "mongodb": "MongoDB",
}


@dataclass(frozen=True)
class Combination:
    """One row of the table. ``apart``: each role is a process of its own."""

    application: str
    log: str
    broker: str
    read: str
    commands: str = "sync"
    projections: str = ""
    apart: bool = False

    def __str__(self) -> str:
        """For the name of its test."""
        parts = (self.application, self.log, self.broker, self.read, self.commands)
        return "-".join([*parts, *filter(None, [self.projections])])


# With commands that are decided at once; the way to Kafka and MongoDB has others, below.
_APART = {
    ("shop", "sqlite", "redis", "same"),
    ("training", "postgres", "rabbitmq", "separate"),
}
_LOGS = ("sqlite", "postgres")
_BROKERS = ("none", "kafka", "rabbitmq", "redis")
_READS = ("same", "separate", "mongodb")

SENSIBLE = [
    Combination(*parts, apart=parts in _APART)
    for parts in product(("shop", "training"), _LOGS, _BROKERS, _READS)
]
# Without a broker the default is inline where that is possible; here projectors follow the log.
SENSIBLE += [
    Combination(application, log, "none", "same", projections="async")
    for application, log in product(("shop", "training"), _LOGS)
]
# Commands that are decided later: at each kind of queue once, and once by processes of their own.
SENSIBLE += [
    Combination("shop", "sqlite", "none", "same", "async"),
    Combination("training", "postgres", "none", "separate", "async"),
    Combination("shop", "postgres", "rabbitmq", "same", "async"),
    Combination("training", "postgres", "redis", "mongodb", "async"),
    Combination("shop", "postgres", "kafka", "mongodb", "async", apart=True),
]
REFUSED = [
    Combination("shop", log, broker, read, projections="inline")
    for log, broker, read in (
        ("sqlite", "none", "separate"),
        ("postgres", "none", "separate"),
        ("postgres", "kafka", "mongodb"),
    )
]

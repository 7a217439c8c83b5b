"""Durable commands per second of ``eventsourcing`` on PostgreSQL, in one process.

Aggregates are cached and never read again, which the library allows to a single process; so its
snapshots would only be written. The figure is that of its database functions, faster than the
default settings, whose figure stands in the details: they lock the table for each command so that
readers see events in the order of their positions.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from random import Random
from uuid import UUID

import psycopg
from eventsourcing.persistence import IntegrityError

from benchmarks.rivals.answer import postgres_address, print_answer
from benchmarks.rivals.eventsourcing_orders import PACKAGES, Orders, environment

AGGREGATES = 1_000
THREADS = 16

SETTINGS = {
    "POSTGRES_POOL_SIZE": str(THREADS),
    "POSTGRES_MAX_OVERFLOW": "0",
    "AGGREGATE_CACHE_MAXSIZE": str(AGGREGATES),
    "AGGREGATE_CACHE_FASTFORWARD": "n",
}
FUNCTIONS = {"POSTGRES_ENABLE_DB_FUNCTIONS": "y"}


class Clients:
    """Threads that send their share of the commands, each the next when one is durable."""

    def __init__(self, orders: Orders, commands: int) -> None:
        self._orders = orders
        self._order_ids = [orders.place(index) for index in range(AGGREGATES)]
        self._commands_each = commands // THREADS
        self._latencies: list[float] = []
        self._conflicts = 0
        self._seconds = 0.0

    def run(self) -> None:
        """Send all commands."""
        threads = [threading.Thread(target=self._send, args=(seed,)) for seed in range(THREADS)]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._seconds = time.perf_counter() - started

    def seen(self) -> dict[str, float]:
        """Rate and latencies."""
        ordered = sorted(self._latencies)
        return {
            "commands": len(ordered),
            "commands_per_second": round(len(ordered) / self._seconds, 1),
            "p50_ms": _percentile_ms(ordered, 0.50),
            "p99_ms": _percentile_ms(ordered, 0.99),
            "conflicts_retried": self._conflicts,
        }

    def _send(self, seed: int) -> None:
        random = Random(seed)
        for _ in range(self._commands_each):
            started = time.perf_counter()
            self._add_line(random.choice(self._order_ids), random.randint(1, 9))
            self._latencies.append(time.perf_counter() - started)

    def _add_line(self, order_id: UUID, quantity: int) -> None:
        while True:
            try:
                self._orders.add_line(order_id, "SKU00007", quantity, Decimal("2.55"))
            except IntegrityError:
                self._conflicts += 1
            else:
                return


def measured(address: str, commands: int, settings: Mapping[str, str]) -> dict[str, float]:
    """What the clients saw with ``settings``, on the aggregates that they placed first."""
    before, _ = stored(address)
    with Orders(environment(address, **settings)) as orders:
        clients = Clients(orders, commands)
        clients.run()
    seen = clients.seen()
    after, _ = stored(address)
    assert after - before == AGGREGATES + seen["commands"], "a command was lost or done twice"
    return seen


def stored(address: str) -> tuple[int, float]:
    """How many events are recorded, and their mean size in bytes."""
    with psycopg.connect(address) as connection:
        if connection.execute("select to_regclass('orders_events')").fetchone() == (None,):
            return 0, 0.0
        row = connection.execute("select count(*), avg(length(state)) from orders_events")
        count, size = row.fetchone() or (0, 0.0)
    return int(count), float(size)


def main(commands: int = 30_000) -> None:
    """Print the figure."""
    address = postgres_address()
    fastest = measured(address, commands, SETTINGS | FUNCTIONS)
    default = measured(address, commands // 5, SETTINGS)
    details: dict[str, object] = {
        **fastest,
        "default_settings": default,
        "threads": THREADS,
        "aggregates": AGGREGATES,
        "event_bytes": round(stored(address)[1]),
        "settings": SETTINGS | FUNCTIONS,
    }
    rate = fastest["commands_per_second"]
    name = "eventsourcing-commands"
    print_answer(name, rate, "commands/s", packages=PACKAGES, details=details)


def _percentile_ms(ordered: Sequence[float], share: float) -> float:
    return round(ordered[int(share * (len(ordered) - 1))] * 1e3, 2)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

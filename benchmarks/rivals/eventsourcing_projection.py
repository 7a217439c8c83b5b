"""Events per second that the ``ProjectionRunner`` of ``eventsourcing`` rebuilds orders from."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL

from benchmarks.rivals.answer import postgres_address, print_answer
from benchmarks.rivals.eventsourcing_orders import PACKAGES, Order, Orders, environment

LINES_PER_ORDER = 5
EVENTS_PER_ORDER = LINES_PER_ORDER + 3
ORDERS_PER_INSERT = 100
TIMEOUT_SECONDS = 600.0

TABLE = SQL(
    "create table if not exists order_model (order_id uuid primary key, number text, "
    "customer text, country text, status text, lines int, total numeric, placed_at timestamptz, "
    "changed_at timestamptz)"
)
PLACE = SQL("insert into order_model values (%s, %s, %s, %s, 'pendingPayment', 0, 0, %s, %s)")
ADD_LINE = SQL(
    "update order_model set lines = lines + 1, total = total + %s, changed_at = %s "
    "where order_id = %s"
)
SET_STATUS = SQL("update order_model set status = %s, changed_at = %s where order_id = %s")


class OrderModel(PostgresTrackingRecorder):
    """The table, and the position in the same transaction as each change to it."""

    def __init__(self, datastore: PostgresDatastore, **kwargs: Any) -> None:
        super().__init__(datastore, **kwargs)
        self.sql_create_statements.append(TABLE.format())
        self.written_at = 0.0

    def write(self, statement: SQL, values: tuple[object, ...], tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute(statement, values, prepare=True)
            self._insert_tracking(cursor, tracking)
        self.written_at = time.perf_counter()


class OrderProjection(Projection[OrderModel]):
    """One statement for each kind of event."""

    name = "order_model"

    @singledispatchmethod
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        self.view.insert_tracking(tracking)

    @process_event.register
    def placed(self, event: Order.Placed, tracking: Tracking) -> None:
        who = (event.originator_id, event.number, event.customer, event.country)
        self.view.write(PLACE, (*who, event.timestamp, event.timestamp), tracking)

    @process_event.register
    def line_added(self, event: Order.LineAdded, tracking: Tracking) -> None:
        added = (event.price * event.quantity, event.timestamp, event.originator_id)
        self.view.write(ADD_LINE, added, tracking)

    @process_event.register
    def payment_confirmed(self, event: Order.PaymentConfirmed, tracking: Tracking) -> None:
        paid = ("paymentConfirmed", event.timestamp, event.originator_id)
        self.view.write(SET_STATUS, paid, tracking)

    @process_event.register
    def shipped(self, event: Order.Shipped, tracking: Tracking) -> None:
        shipped = ("shipped", event.timestamp, event.originator_id)
        self.view.write(SET_STATUS, shipped, tracking)


def fill(orders: Orders, count: int) -> int:
    """Record ``count`` orders; the position of the last event."""
    pending: list[Any] = []
    for index in range(count):
        pending += events_of_one_order(index)
        if len(pending) >= ORDERS_PER_INSERT * EVENTS_PER_ORDER or index == count - 1:
            orders.events.put(pending)
            pending = []
    last = orders.recorder.max_notification_id()
    assert last is not None
    return last


def events_of_one_order(index: int) -> Iterator[Any]:
    """Placed, its lines, paid, shipped."""
    order = Order.placed(index)
    for line in range(LINES_PER_ORDER):
        order.add_line(f"SKU{line:05d}", "White Lantern no. 7", line + 1, Decimal("2.55"))
    order.confirm_payment()
    order.ship()
    return iter(order.collect_events())


def rebuild(address: str, last: int) -> float:
    """The seconds from start to the last event's position."""
    started = time.perf_counter()
    with ProjectionRunner(
        application_class=Orders,
        projection_class=OrderProjection,
        view_class=OrderModel,
        env=environment(address, POSTGRES_POOL_SIZE="4"),
    ) as runner:
        # It looks up to 0.8 s too late, so the end is taken from the last write.
        runner.wait(last, timeout=TIMEOUT_SECONDS)
        return runner.view.written_at - started


def check(address: str, count: int) -> None:
    """Every order must have arrived, and in full."""
    total = sum(Decimal("2.55") * (line + 1) for line in range(LINES_PER_ORDER))
    with psycopg.connect(address) as connection:
        row = connection.execute(
            "select count(*) from order_model where status = 'shipped' and lines = %s "
            "and total = %s",
            (LINES_PER_ORDER, total),
        ).fetchone()
    assert row == (count,), f"{row} of {count} orders are right"


def main(count: int = 2_500) -> None:
    """Print the figure for ``count`` orders."""
    address = postgres_address()
    with Orders(environment(address)) as orders:
        last = fill(orders, count)
    seconds = rebuild(address, last)
    check(address, count)
    details = {"events": last, "orders": count, "seconds": round(seconds, 2)}
    name = "eventsourcing-projection"
    print_answer(name, last / seconds, "events/s", packages=PACKAGES, details=details)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

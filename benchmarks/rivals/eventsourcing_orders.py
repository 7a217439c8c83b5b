"""Orders as the library ``eventsourcing`` would have them written."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import urlsplit
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

PACKAGES = ("eventsourcing", "psycopg", "psycopg-pool")

# Correlation, causation and actor are recorded with every event in a log of commands, and the text
# brings an event to 589 bytes.
METADATA = {
    "correlation_id": str(UUID(int=1)),
    "causation_id": str(UUID(int=2)),
    "actor": "service",
}
NOTE = ("as agreed on the telephone; " * 9)[:245]


class Order(Aggregate):
    """Placed, extended line by line, paid, shipped."""

    class Placed(Aggregate.Created):
        number: str
        customer: str
        country: str
        note: str
        metadata: Mapping[str, str]

    class LineAdded(Aggregate.Event):
        sku: str
        title: str
        quantity: int
        price: Decimal
        note: str
        metadata: Mapping[str, str]

    class PaymentConfirmed(Aggregate.Event):
        amount: Decimal
        note: str
        metadata: Mapping[str, str]

    class Shipped(Aggregate.Event):
        tracking: str
        note: str
        metadata: Mapping[str, str]

    @event(Placed)
    def __init__(
        self, number: str, customer: str, country: str, note: str, metadata: Mapping[str, str]
    ) -> None:
        self.number = number
        self.customer = customer
        self.status = "pendingPayment"
        self.lines = 0
        self.total = Decimal(0)

    @classmethod
    def placed(cls, index: int) -> Order:
        """The ``index``-th order."""
        return cls(f"ACME-20250101-{index:06d}", "customer", "Norway", NOTE, METADATA)

    def add_line(self, sku: str, title: str, quantity: int, price: Decimal) -> None:
        if self.status != "pendingPayment":
            raise ValueError(f"an order that is {self.status} takes no lines")
        if quantity < 1:
            raise ValueError("a line has a quantity of one at least")
        self._line_added(sku, title, quantity, price, NOTE, METADATA)

    def confirm_payment(self) -> None:
        if self.status != "pendingPayment":
            raise ValueError(f"an order that is {self.status} can't be paid")
        self._payment_confirmed(self.total, NOTE, METADATA)

    def ship(self) -> None:
        if self.status != "paymentConfirmed":
            raise ValueError(f"an order that is {self.status} can't be shipped")
        self._shipped("tracking", NOTE, METADATA)

    @event(LineAdded)
    def _line_added(
        self,
        sku: str,
        title: str,
        quantity: int,
        price: Decimal,
        note: str,
        metadata: Mapping[str, str],
    ) -> None:
        self.lines += 1
        self.total += price * quantity

    @event(PaymentConfirmed)
    def _payment_confirmed(self, amount: Decimal, note: str, metadata: Mapping[str, str]) -> None:
        self.status = "paymentConfirmed"

    @event(Shipped)
    def _shipped(self, tracking: str, note: str, metadata: Mapping[str, str]) -> None:
        self.status = "shipped"


class Orders(Application[UUID]):
    """The commands."""

    def place(self, index: int) -> UUID:
        order = Order.placed(index)
        self.save(order)
        return order.id

    def add_line(self, order_id: UUID, sku: str, quantity: int, price: Decimal) -> None:
        order: Order = self.repository.get(order_id)
        order.add_line(sku, "White Lantern no. 7", quantity, price)
        self.save(order)


def environment(address: str, **settings: str) -> Mapping[str, str]:
    """The library's settings for the database at ``address``."""
    parts = urlsplit(address)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_HOST": parts.hostname or "127.0.0.1",
        "POSTGRES_PORT": str(parts.port or 5432),
        "POSTGRES_DBNAME": parts.path.lstrip("/"),
        "POSTGRES_USER": parts.username or "",
        "POSTGRES_PASSWORD": parts.password or "none",
        **settings,
    }

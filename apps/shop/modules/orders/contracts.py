"""What other modules may know of orders."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import NewType

from twofold import Event, Owner, Value

OrderId = NewType("OrderId", str)
CustomerId = NewType("CustomerId", str)


class OrderStatus(StrEnum):
    """Where an order is. Cancelling is possible before it is shipped."""

    DRAFT = "draft"
    PENDING_PAYMENT = "pending-payment"
    PAYMENT_CONFIRMED = "payment-confirmed"
    PROCESSING = "processing"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


class Line(Value, omit_defaults=True):
    """One product in an order, at the price of the moment it was ordered."""

    sku: str
    title: str
    quantity: int
    unit_price: Decimal
    category: str = ""

    @property
    def amount(self) -> Decimal:
        """Quantity times price."""
        return self.quantity * self.unit_price


class Sale(Value):
    """Who bought what, for where."""

    customer_id: Owner[CustomerId]
    country: str
    currency: str
    lines: tuple[Line, ...]

    @property
    def total(self) -> Decimal:
        """The sum of the lines."""
        return sum((line.amount for line in self.lines), Decimal(0))


class OrderDrafted(Sale, Event):
    """An order is being put together; its prices are those of the day."""

    number: str


class DraftChanged(Event):
    """Something else is wanted, or it goes elsewhere."""

    country: str
    lines: tuple[Line, ...]


class OrderPlaced(Sale, Event):
    """An order awaits its payment."""

    number: str


class PaymentConfirmed(Sale, Event):
    """The whole amount was captured. The sale is repeated: reports need nothing else."""

    amount: Decimal
    reference: str = ""


class ProcessingStarted(Event):
    """The warehouse works on it."""


class OrderShipped(Event):
    """It left the warehouse."""

    tracking: str


class OrderDelivered(Event):
    """It arrived."""


class OrderCancelled(Event):
    """It will not be delivered."""

    reason: str


class OrderRefunded(Event):
    """Captured money was paid back."""

    amount: Decimal
    reason: str
    customer_id: CustomerId
    country: str


OrderEvent = (
    OrderDrafted
    | DraftChanged
    | OrderPlaced
    | PaymentConfirmed
    | ProcessingStarted
    | OrderShipped
    | OrderDelivered
    | OrderCancelled
    | OrderRefunded
)

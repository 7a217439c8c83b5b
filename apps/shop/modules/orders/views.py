"""Orders and invoices as people look at them: a list, and one with its history."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from shop.modules.invoices.contracts import InvoiceImported
from shop.modules.orders.contracts import (
    DraftChanged,
    Line,
    OrderCancelled,
    OrderDelivered,
    OrderDrafted,
    OrderPlaced,
    OrderRefunded,
    OrderShipped,
    PaymentConfirmed,
    ProcessingStarted,
)
from twofold import (
    Between,
    Facet,
    Key,
    Owner,
    Projection,
    ReadModel,
    Recorded,
    Search,
    Sort,
    Value,
)

_SHOWN_TITLES = 6
Moved = PaymentConfirmed | ProcessingStarted | OrderShipped | OrderDelivered | OrderCancelled


class OrderState(StrEnum):
    """The states of an order, and those that invoices from elsewhere come in."""

    DRAFT = "draft"
    PENDING_PAYMENT = "pending-payment"
    PAYMENT_CONFIRMED = "payment-confirmed"
    PROCESSING = "processing"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    INVOICED = "invoiced"
    CREDITED = "credited"
    ADJUSTED = "adjusted"


_AFTER: dict[type, OrderState] = {
    PaymentConfirmed: OrderState.PAYMENT_CONFIRMED,
    ProcessingStarted: OrderState.PROCESSING,
    OrderShipped: OrderState.SHIPPED,
    OrderDelivered: OrderState.DELIVERED,
    OrderCancelled: OrderState.CANCELLED,
}
_IMPORTED = {
    "invoice": OrderState.INVOICED,
    "credit-note": OrderState.CREDITED,
    "adjustment": OrderState.ADJUSTED,
}


class OrderHead(Value):
    """What the list and the page have in common."""

    order_id: Key[str]
    number: Sort[Search[str]]
    customer_id: Owner[Search[str]]
    country: Facet[str]
    status: Facet[OrderState]
    placed_at: Annotated[Sort[datetime], Between("from", "to")]
    total: Annotated[Sort[Decimal], Between("minTotal", "maxTotal")]
    currency: str
    refunded: Decimal = Decimal(0)


class OrderSummary(OrderHead, ReadModel):
    """An order in a list."""

    units: int
    titles: Search[str]


class Entry(Value):
    """Something that happened to an order."""

    what: str
    at: datetime
    by: str
    note: str = ""


class OrderPage(OrderHead, ReadModel):
    """An order with its lines and its history."""

    lines: tuple[Line, ...]
    captured: Decimal = Decimal(0)
    tracking: str = ""
    timeline: tuple[Entry, ...]


orders = Projection(OrderSummary, name="order")
order_pages = Projection(OrderPage, name="order_page")


def _begun(event: OrderDrafted | OrderPlaced) -> OrderState:
    drafted = isinstance(event, OrderDrafted)
    return OrderState.DRAFT if drafted else OrderState.PENDING_PAYMENT


def _titles(lines: tuple[Line, ...]) -> str:
    distinct = list(dict.fromkeys(line.title for line in lines if line.title))
    more = len(distinct) - _SHOWN_TITLES
    return ", ".join(distinct[:_SHOWN_TITLES]) + (f" and {more} more" if more > 0 else "")


@orders.on
def placed(
    row: OrderSummary | None, event: OrderDrafted | OrderPlaced, meta: Recorded
) -> OrderSummary:
    """A new row, or a draft's with what it comes to now."""
    return OrderSummary.of(
        event,
        order_id=meta.stream_id,
        status=_begun(event),
        placed_at=meta.time,
        total=event.total,
        units=sum(line.quantity for line in event.lines),
        titles=_titles(event.lines),
    )


@orders.on
def changed(row: OrderSummary, event: DraftChanged) -> OrderSummary:
    """Something else is wanted."""
    return row.but(
        country=event.country,
        total=sum((line.amount for line in event.lines), Decimal(0)),
        units=sum(line.quantity for line in event.lines),
        titles=_titles(event.lines),
    )


@orders.on
def moved(row: OrderSummary, event: Moved) -> OrderSummary:
    """A new state."""
    return row.but(status=_AFTER[type(event)])


@orders.on
def refunded(row: OrderSummary, event: OrderRefunded) -> OrderSummary:
    """Money went back."""
    return row.but(refunded=row.refunded + event.amount)


@orders.on
def imported(row: OrderSummary | None, event: InvoiceImported, meta: Recorded) -> OrderSummary:
    """An invoice from elsewhere is a finished row."""
    return OrderSummary(
        order_id=meta.stream_id,
        number=event.number,
        customer_id=event.customer_id,
        country=event.country,
        status=_IMPORTED[event.kind],
        placed_at=event.date,
        total=event.total,
        currency=event.currency,
        units=sum(line.quantity for line in event.lines),
        titles=_titles(event.lines),
    )


def _entry(what: str, meta: Recorded, note: str = "") -> Entry:
    return Entry(what=what, at=meta.time, by=meta.actor, note=note)


@order_pages.on
def page_placed(
    page: OrderPage | None, event: OrderDrafted | OrderPlaced, meta: Recorded
) -> OrderPage:
    """A new page, or a draft's with its history."""
    what = "drafted" if isinstance(event, OrderDrafted) else "placed"
    return OrderPage.of(
        event,
        order_id=meta.stream_id,
        status=_begun(event),
        placed_at=meta.time,
        total=event.total,
        timeline=(*(page.timeline if page else ()), _entry(what, meta)),
    )


@order_pages.on
def page_changed(page: OrderPage, event: DraftChanged, meta: Recorded) -> OrderPage:
    """Something else is wanted."""
    return page.but(
        country=event.country,
        lines=event.lines,
        total=sum((line.amount for line in event.lines), Decimal(0)),
        timeline=(*page.timeline, _entry("changed", meta)),
    )


@order_pages.on
def page_moved(page: OrderPage, event: Moved, meta: Recorded) -> OrderPage:
    """One entry more."""
    page = page.but(status=_AFTER[type(event)])
    match event:
        case PaymentConfirmed():
            page = page.but(captured=event.amount)
            entry = _entry("payment confirmed", meta, event.reference)
        case ProcessingStarted():
            entry = _entry("processing started", meta)
        case OrderShipped():
            page = page.but(tracking=event.tracking)
            entry = _entry("shipped", meta, event.tracking)
        case OrderDelivered():
            entry = _entry("delivered", meta)
        case OrderCancelled():
            entry = _entry("cancelled", meta, event.reason)
    return page.but(timeline=(*page.timeline, entry))


@order_pages.on
def page_refunded(page: OrderPage, event: OrderRefunded, meta: Recorded) -> OrderPage:
    """Money went back."""
    note = f"{event.amount} {page.currency}: {event.reason}"
    return page.but(
        refunded=page.refunded + event.amount,
        timeline=(*page.timeline, _entry("refunded", meta, note)),
    )


@order_pages.on
def page_imported(page: OrderPage | None, event: InvoiceImported, meta: Recorded) -> OrderPage:
    """An invoice from elsewhere, with its lines."""
    return OrderPage(
        order_id=meta.stream_id,
        number=event.number,
        customer_id=event.customer_id,
        country=event.country,
        status=_IMPORTED[event.kind],
        placed_at=event.date,
        total=event.total,
        currency=event.currency,
        lines=event.lines,
        timeline=(
            Entry(what=event.kind.replace("-", " "), at=event.date, by=""),
            _entry("imported", meta),
        ),
    )

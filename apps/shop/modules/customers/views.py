"""Customers as their orders show them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from shop.modules.invoices.contracts import InvoiceImported
from shop.modules.orders.contracts import OrderPlaced, OrderRefunded, PaymentConfirmed
from twofold import Key, Owner, Projection, ReadModel, Recorded, Sort, Value

_KEPT_ORDERS = 10


class LastOrder(Value):
    """One of the last orders."""

    order_id: str
    number: str
    at: datetime
    total: Decimal


class CustomerPage(ReadModel):
    """A customer: what they ordered, paid and got back. ``customerId`` "" collects invoices
    without a customer. ``country`` is the one of the latest thing known, as of ``countryAt``."""

    customer_id: Key[Owner[str]]
    country: str
    country_at: datetime
    orders: Sort[int] = 0
    ordered: Sort[Decimal] = Decimal(0)
    paid: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)
    first_order_at: datetime | None = None
    last_order_at: Sort[datetime | None] = None
    last_orders: tuple[LastOrder, ...] = ()

    def with_order(self, last: LastOrder) -> CustomerPage:
        """One order more; the last ones by date, whatever order they become known in."""
        first, latest = self.first_order_at or last.at, self.last_order_at or last.at
        known = sorted((*self.last_orders, last), key=lambda o: (o.at, o.order_id))
        return self.but(
            orders=self.orders + 1,
            ordered=self.ordered + last.total,
            first_order_at=min(first, last.at),
            last_order_at=max(latest, last.at),
            last_orders=tuple(known[-_KEPT_ORDERS:]),
        )


customers = Projection(CustomerPage, name="customer")


def _buyer(
    event: OrderPlaced | PaymentConfirmed | OrderRefunded | InvoiceImported, meta: Recorded
) -> str:
    return event.customer_id


def _page(page: CustomerPage | None, customer: str, country: str, at: datetime) -> CustomerPage:
    """The page with the later country, whatever order the two become known in."""
    if page is None:
        return CustomerPage(customer_id=customer, country=country, country_at=at)
    if (at, country) > (page.country_at, page.country):
        return page.but(country=country, country_at=at)
    return page


@customers.on(key=_buyer)
def ordered(page: CustomerPage | None, event: OrderPlaced, meta: Recorded) -> CustomerPage:
    """One order more."""
    last = LastOrder(order_id=meta.stream_id, number=event.number, at=meta.time, total=event.total)
    return _page(page, event.customer_id, event.country, meta.time).with_order(last)


@customers.on(key=_buyer)
def paid(page: CustomerPage | None, event: PaymentConfirmed, meta: Recorded) -> CustomerPage:
    """Money came."""
    known = _page(page, event.customer_id, event.country, meta.time)
    return known.but(paid=known.paid + event.amount)


@customers.on(key=_buyer)
def refunded(page: CustomerPage | None, event: OrderRefunded, meta: Recorded) -> CustomerPage:
    """Money went back."""
    known = _page(page, event.customer_id, event.country, meta.time)
    return known.but(refunded=known.refunded + event.amount)


@customers.on(key=_buyer)
def invoiced(page: CustomerPage | None, event: InvoiceImported, meta: Recorded) -> CustomerPage:
    """Invoices are paid orders; credit notes and adjustments are money that went back or came."""
    known = _page(page, event.customer_id, event.country, event.date)
    if event.kind == "credit-note":
        return known.but(refunded=known.refunded - event.total)
    known = known.but(paid=known.paid + event.total)
    if event.kind == "adjustment":
        return known
    last = LastOrder(order_id=meta.stream_id, number=event.number, at=event.date, total=event.total)
    return known.with_order(last)

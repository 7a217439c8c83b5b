"""Orders: the life cycle, and what is refused.

    draft → pending payment → payment confirmed → processing → shipped → delivered

An order can be cancelled before it is shipped; what was captured is refunded with it. Refunds never
exceed what was captured. Repeating a step that was taken is silence; a step that is impossible
now is refused, saying which steps are possible.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from shop.modules.orders.contracts import (
    CustomerId,
    DraftChanged,
    Line,
    OrderCancelled,
    OrderDelivered,
    OrderDrafted,
    OrderEvent,
    OrderId,
    OrderPlaced,
    OrderRefunded,
    OrderShipped,
    OrderStatus,
    PaymentConfirmed,
    ProcessingStarted,
    Sale,
)
from shop.modules.products.contracts import Offered, ProductStatus
from twofold import Command, Context, EventSourced, InvalidInput, Owner, Problem, Refused, Value

S = OrderStatus
_NEXT = {
    S.DRAFT: "place, cancel, or change it",
    S.PENDING_PAYMENT: "confirm-payment, cancel",
    S.PAYMENT_CONFIRMED: "start-processing, refunds, cancel",
    S.PROCESSING: "ship, refunds, cancel",
    S.SHIPPED: "deliver, refunds",
    S.DELIVERED: "refunds",
    S.CANCELLED: "nothing",
}
_SPOKEN = {status: status.value.replace("-", " ") for status in OrderStatus}

Quantity = Annotated[int, Meta(ge=1, le=100_000, examples=[2])]
Reason = Annotated[str, Meta(min_length=1, max_length=500, examples=["arrived damaged"])]
Country = Annotated[str, Meta(min_length=2, max_length=60, examples=["Germany"])]
Amount = Annotated[Decimal, Meta(examples=["12.50"])]


class PaymentRefused(Refused):
    """The payment was not accepted."""


class Wanted(Value, forbid_unknown_fields=True):
    """A product and how many of it."""

    sku: Annotated[str, Meta(min_length=1, max_length=100, examples=["KI-1001"])]
    quantity: Quantity


WantedLines = Annotated[tuple[Wanted, ...], Meta(min_length=1, max_length=1_000)]


class Wish(Value):
    """What somebody wants, and where it goes."""

    customer_id: Owner[CustomerId | None] = None
    country: Country
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] = "GBP"
    lines: WantedLines


class PlaceOrder(Wish, Command):
    """Order products. Prices are the shop's, whatever the customer's page showed."""


class ConfirmPayment(Command):
    """The payment came through, or was refused."""

    order_id: OrderId
    accepted: bool = True
    reference: str = ""


class StartProcessing(Command):
    """The warehouse begins."""

    order_id: OrderId


class Ship(Command):
    """It leaves the warehouse."""

    order_id: OrderId
    tracking: Annotated[str, Meta(max_length=100, examples=["AC00000042"])] = ""


class Deliver(Command):
    """It arrived."""

    order_id: OrderId


class CancelOrder(Command):
    """Call it off."""

    order_id: OrderId
    reason: Reason = "no reason given"


class Refund(Command):
    """Pay back a part or all of what was captured."""

    order_id: OrderId
    amount: Amount
    reason: Reason


class Order(Sale):
    """What decisions on an order need to know."""

    number: str
    status: OrderStatus
    captured: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)


class OrderAnswer(Value):
    """What a command on an order answers."""

    order_id: str
    number: str
    status: OrderStatus
    total: Decimal
    currency: str


class Prices(Value):
    """What an order is told: the products of these skus, and a number that is free."""

    skus: frozenset[str]
    products: dict[str, Offered]
    number: str = ""


order = EventSourced(Order, OrderId)


@order.answers
def answer(order_id: str, state: Order) -> OrderAnswer:
    """Id, number, status and total."""
    return OrderAnswer.of(state, order_id=order_id, total=state.total)


def place(state: None, command: PlaceOrder, context: Context, prices: Prices) -> OrderPlaced:
    """Every line must be a product that can be ordered; all that can't are named."""
    return OrderPlaced(
        number=prices.number,
        customer_id=buyer(command, context),
        country=command.country,
        currency=command.currency,
        lines=priced(command.lines, command.currency, prices),
    )


def buyer(wish: Wish, context: Context) -> CustomerId:
    """Whoever is named, else who asks."""
    return wish.customer_id or CustomerId(context.caller.subject)


def priced(wanted: Sequence[Wanted | Line], currency: str, prices: Prices) -> tuple[Line, ...]:
    """Lines at the prices of now. Raises InvalidInput naming all that can't be ordered."""
    problems = []
    for index, line in enumerate(wanted):
        why = _why_not(prices.products.get(line.sku), currency)
        if why:
            problems.append(Problem(f"lines[{index}].sku", f"{line.sku} {why}"))
    if problems:
        raise InvalidInput(problems)
    return tuple(_line(line.sku, line.quantity, prices.products[line.sku]) for line in wanted)


def _line(sku: str, quantity: int, product: Offered) -> Line:
    assert product.price is not None
    return Line(
        sku=sku,
        title=product.title,
        quantity=quantity,
        unit_price=product.price,
        category=product.category,
    )


def _why_not(product: Offered | None, currency: str) -> str:
    if product is None:
        return "is unknown"
    if product.status is not ProductStatus.ACTIVE:
        return f"can't be ordered: it is {product.status}"
    if product.price is None:
        return "has no price"
    return "" if product.currency == currency else f"is sold in {product.currency}"


@order.decides
def confirm_payment(state: Order, command: ConfirmPayment) -> PaymentConfirmed | None:
    """The whole total is captured."""
    if state.captured:
        return None
    if state.status is not S.PENDING_PAYMENT:
        raise impossible(state, "be paid")
    if not command.accepted:
        raise PaymentRefused("The payment was refused", allowed="pay in another way, or cancel")
    return PaymentConfirmed.of(state, amount=state.total, reference=command.reference)


@order.decides
def start_processing(state: Order, command: StartProcessing) -> ProcessingStarted | None:
    """Only what is paid is worked on."""
    if state.status is S.PROCESSING:
        return None
    if state.status is not S.PAYMENT_CONFIRMED:
        raise impossible(state, "be processed")
    return ProcessingStarted()


@order.decides
def ship(state: Order, command: Ship) -> OrderShipped | None:
    """Only what was packed is shipped."""
    if state.status is S.SHIPPED:
        return None
    if state.status is not S.PROCESSING:
        raise impossible(state, "be shipped")
    return OrderShipped(tracking=command.tracking)


@order.decides
def deliver(state: Order, command: Deliver) -> OrderDelivered | None:
    """Only what was shipped arrives."""
    if state.status is S.DELIVERED:
        return None
    if state.status is not S.SHIPPED:
        raise impossible(state, "be delivered")
    return OrderDelivered()


@order.decides
def cancel(state: Order, command: CancelOrder) -> tuple[OrderCancelled | OrderRefunded, ...]:
    """What was captured goes back with it."""
    if state.status is S.CANCELLED:
        return ()
    if state.status in (S.SHIPPED, S.DELIVERED):
        raise impossible(state, "be cancelled")
    cancelled = OrderCancelled(reason=command.reason)
    rest = state.captured - state.refunded
    return (cancelled, _refund(state, rest, command.reason)) if rest else (cancelled,)


@order.decides
def refund(state: Order, command: Refund) -> OrderRefunded:
    """Never more than was captured, in all."""
    rest = state.captured - state.refunded
    if command.amount <= 0:
        raise InvalidInput([Problem("amount", "must be more than 0")])
    if command.amount > rest:
        raise Refused(
            f"{command.amount} {state.currency} is more than can be refunded",
            allowed=f"at most {rest} {state.currency}",
            details={"refundable": str(rest)},
        )
    return _refund(state, command.amount, command.reason)


def _refund(state: Order, amount: Decimal, reason: str) -> OrderRefunded:
    return OrderRefunded(
        amount=amount, reason=reason, customer_id=state.customer_id, country=state.country
    )


def impossible(state: Order, what: str) -> Refused:
    """That it can't be done now, and what can."""
    return Refused(
        f"An order that is {_SPOKEN[state.status]} can't {what}",
        allowed=f"possible now: {_NEXT[state.status]}",
        details={"orderStatus": state.status.value},
    )


@order.evolves
def evolve(state: Order | None, event: OrderEvent) -> Order:
    """What happened, as state."""
    if isinstance(event, OrderDrafted | OrderPlaced):
        drafted = isinstance(event, OrderDrafted)
        return Order.of(event, status=S.DRAFT if drafted else S.PENDING_PAYMENT)
    assert state is not None
    match event:
        case DraftChanged():
            return state.but(country=event.country, lines=event.lines)
        case PaymentConfirmed():
            return state.but(status=S.PAYMENT_CONFIRMED, captured=event.amount)
        case ProcessingStarted():
            return state.but(status=S.PROCESSING)
        case OrderShipped():
            return state.but(status=S.SHIPPED)
        case OrderDelivered():
            return state.but(status=S.DELIVERED)
        case OrderCancelled():
            return state.but(status=S.CANCELLED)
        case OrderRefunded():
            return state.but(refunded=state.refunded + event.amount)

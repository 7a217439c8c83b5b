"""The rules of an order, one by one."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.modules.orders.contracts import (
    CustomerId,
    Line,
    OrderCancelled,
    OrderDrafted,
    OrderEvent,
    OrderId,
    OrderPlaced,
    OrderRefunded,
    OrderStatus,
)
from shop.modules.orders.domain import (
    CancelOrder,
    ConfirmPayment,
    Deliver,
    Order,
    PaymentRefused,
    PlaceOrder,
    Prices,
    Refund,
    Ship,
    StartProcessing,
    Wanted,
    evolve,
    order,
    place,
)
from shop.modules.products.contracts import Offered, ProductStatus, Sku
from twofold import Caller, Context, InvalidInput, Refused
from twofold.domain.aggregate import as_events
from twofold.runtime.clock import SeededChance

ID = OrderId("o-1")
NOW = datetime(2026, 1, 2, tzinfo=UTC)
CONTEXT = Context(NOW, Caller("carla"), ID, SeededChance(1))
DECIDE = {c: d.function for d in order.deciders([]) for c in d.commands}
PLACED = OrderPlaced(
    number="ACME-20260102-000001",
    customer_id=CustomerId("carla"),
    country="Germany",
    currency="GBP",
    lines=(
        Line(sku="A", title="A", quantity=2, unit_price=Decimal("2.505")),
        Line(sku="B", title="B", quantity=1, unit_price=Decimal("10")),
    ),
)
S = OrderStatus
STEPS: list[Any] = [
    ConfirmPayment(order_id=ID),
    StartProcessing(order_id=ID),
    Ship(order_id=ID, tracking="T"),
    Deliver(order_id=ID),
]
REACHED = [
    S.PENDING_PAYMENT,
    S.PAYMENT_CONFIRMED,
    S.PROCESSING,
    S.SHIPPED,
    S.DELIVERED,
]


def decided(state: Order, command: Any) -> tuple[Any, ...]:
    """What a command leads to."""
    return as_events(DECIDE[type(command)](state, command))


def after(state: Order, command: Any) -> Order:
    """The state once a command was handled."""
    for event in decided(state, command):
        state = evolve(state, event)
    return state


def order_in(status: OrderStatus) -> Order:
    """An order that came as far as ``status``."""
    if status is S.DRAFT:
        return evolve(None, OrderDrafted.of(PLACED))
    state = evolve(None, PLACED)
    if status is S.CANCELLED:
        return after(state, CancelOrder(order_id=ID))
    for step in STEPS[: REACHED.index(status)]:
        state = after(state, step)
    return state


def test_an_order_goes_its_way() -> None:
    assert [order_in(status).status for status in REACHED] == REACHED


@pytest.mark.parametrize("status", list(OrderStatus))
@pytest.mark.parametrize("step", range(4))
def test_each_step_follows_the_one_before_it(status: OrderStatus, step: int) -> None:
    state, command, target = order_in(status), STEPS[step], REACHED[step + 1]
    if status is REACHED[step]:
        assert after(state, command).status is target
    elif status is target or (step == 0 and state.captured):
        assert decided(state, command) == ()
    else:
        with pytest.raises(Refused) as refused:
            decided(state, command)
        assert refused.value.allowed.startswith("possible now: ")


def test_a_refused_payment_changes_nothing() -> None:
    with pytest.raises(PaymentRefused):
        decided(order_in(S.PENDING_PAYMENT), ConfirmPayment(order_id=ID, accepted=False))


@pytest.mark.parametrize("status", [S.SHIPPED, S.DELIVERED])
def test_what_was_shipped_is_not_cancelled(status: OrderStatus) -> None:
    with pytest.raises(Refused, match="can't be cancelled"):
        decided(order_in(status), CancelOrder(order_id=ID))


def test_cancelling_pays_back_what_was_captured() -> None:
    paid = after(order_in(S.PAYMENT_CONFIRMED), Refund(order_id=ID, amount=Decimal(5), reason="x"))
    cancelled, refunded = decided(paid, CancelOrder(order_id=ID, reason="no"))
    assert cancelled == OrderCancelled(reason="no")
    assert isinstance(refunded, OrderRefunded)
    assert refunded.amount == Decimal("10.010")
    assert decided(after(paid, CancelOrder(order_id=ID)), CancelOrder(order_id=ID)) == ()


def test_cancelling_before_payment_pays_nothing_back() -> None:
    assert decided(order_in(S.PENDING_PAYMENT), CancelOrder(order_id=ID, reason="no")) == (
        OrderCancelled(reason="no"),
    )


def test_nothing_is_refunded_before_payment() -> None:
    with pytest.raises(Refused) as refused:
        decided(
            order_in(S.PENDING_PAYMENT), Refund(order_id=ID, amount=Decimal("0.01"), reason="x")
        )
    assert refused.value.details == {"refundable": "0"}


@pytest.mark.parametrize("amount", ["0", "-1"])
def test_a_refund_is_more_than_nothing(amount: str) -> None:
    with pytest.raises(InvalidInput):
        decided(order_in(S.DELIVERED), Refund(order_id=ID, amount=Decimal(amount), reason="x"))


amounts = st.decimals("0.001", "20", places=3)


@settings(deadline=None)
@given(st.lists(st.one_of(amounts, st.none()), max_size=12))
def test_refunds_never_exceed_what_was_captured(wanted: list[Decimal | None]) -> None:
    state = order_in(S.PROCESSING)
    events: list[OrderEvent] = []
    for amount in wanted:
        command = (
            CancelOrder(order_id=ID)
            if amount is None
            else Refund(order_id=ID, amount=amount, reason="x")
        )
        try:
            new = decided(state, command)
        except Refused:
            continue
        for event in new:
            state = evolve(state, event)
            events.append(event)
    paid_back = sum((e.amount for e in events if isinstance(e, OrderRefunded)), Decimal(0))
    assert paid_back == state.refunded <= state.captured == PLACED.total


def offered(sku: str, **given: Any) -> Offered:
    """A product that can be ordered, unless ``given`` says otherwise."""
    known = {
        "title": sku.lower(),
        "category": "Kitchen",
        "status": ProductStatus.ACTIVE,
        "price": Decimal("1.10"),
        "currency": "GBP",
        **given,
    }
    return Offered(sku=Sku(sku), **known)


def test_prices_are_the_shops() -> None:
    command = PlaceOrder(country="Germany", lines=(Wanted(sku="A", quantity=3),))
    prices = Prices(skus=frozenset("A"), products={"A": offered("A")}, number="N")
    event = place(None, command, CONTEXT, prices)
    assert event.lines == (
        Line(sku="A", title="a", quantity=3, unit_price=Decimal("1.10"), category="Kitchen"),
    )
    assert (event.customer_id, event.total) == ("carla", Decimal("3.30"))


def test_every_line_that_cannot_be_ordered_is_named() -> None:
    skus = ("A", "B", "C", "D", "E")
    command = PlaceOrder(country="DE", lines=tuple(Wanted(sku=s, quantity=1) for s in skus))
    products = {
        "A": offered("A"),
        "B": offered("B", status=ProductStatus.ARCHIVED),
        "C": offered("C", price=None),
        "D": offered("D", currency="USD"),
    }
    with pytest.raises(InvalidInput) as invalid:
        place(None, command, CONTEXT, Prices(skus=frozenset(skus), products=products))
    assert [str(problem) for problem in invalid.value.problems] == [
        "lines[1].sku: B can't be ordered: it is archived",
        "lines[2].sku: C has no price",
        "lines[3].sku: D is sold in USD",
        "lines[4].sku: E is unknown",
    ]

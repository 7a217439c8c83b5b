"""Drafts: orders that are put together in several steps, and charged when they are placed."""

from __future__ import annotations

from shop.modules.orders.contracts import (
    DraftChanged,
    OrderDrafted,
    OrderId,
    OrderPlaced,
    OrderStatus,
)
from shop.modules.orders.domain import (
    Country,
    Order,
    Prices,
    WantedLines,
    Wish,
    buyer,
    impossible,
    priced,
)
from twofold import Command, Context, Refused


class DraftOrder(Wish, Command):
    """Begin an order that is placed later."""


class ChangeDraft(Command):
    """Replace what a draft asks for."""

    order_id: OrderId
    country: Country
    lines: WantedLines


class PlaceDraft(Command):
    """Order what a draft asks for, at the prices of now."""

    order_id: OrderId


def draft(state: None, command: DraftOrder, context: Context, prices: Prices) -> OrderDrafted:
    """What can't be ordered can't be drafted either."""
    return OrderDrafted(
        number=prices.number,
        customer_id=buyer(command, context),
        country=command.country,
        currency=command.currency,
        lines=priced(command.lines, command.currency, prices),
    )


def change(state: Order, command: ChangeDraft, prices: Prices) -> DraftChanged | None:
    """Only drafts change; the same again is silence."""
    if state.status is not OrderStatus.DRAFT:
        raise impossible(state, "be changed")
    lines = priced(command.lines, state.currency, prices)
    if (command.country, lines) == (state.country, state.lines):
        return None
    return DraftChanged(country=command.country, lines=lines)


def place_draft(state: Order, command: PlaceDraft, prices: Prices) -> OrderPlaced | None:
    """Prices are those of now, whatever the draft showed; placing twice is silence."""
    if state.status is OrderStatus.PENDING_PAYMENT:
        return None
    if state.status is not OrderStatus.DRAFT:
        raise impossible(state, "be placed")
    if not prices.skus >= {line.sku for line in state.lines}:
        raise Refused("The draft was changed just now", allowed="look at it, and place it again")
    return OrderPlaced.of(state, lines=priced(state.lines, state.currency, prices))

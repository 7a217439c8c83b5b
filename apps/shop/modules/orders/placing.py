"""Placing and drafting: the facts are gathered here, the decisions are taken elsewhere."""

from __future__ import annotations

from shop.modules.orders.domain import PlaceOrder, Prices, order, place
from shop.modules.orders.drafts import (
    ChangeDraft,
    DraftOrder,
    PlaceDraft,
    change,
    draft,
    place_draft,
)
from shop.modules.products.facade import offered
from twofold import Context, Sources


async def prices(
    command: PlaceOrder | DraftOrder | ChangeDraft, sources: Sources, context: Context
) -> Prices:
    """The products as the write side has them."""
    skus = [line.sku for line in command.lines]
    products = await offered(sources, skus, context.now)
    return Prices(skus=frozenset(skus), products=dict(products))


async def numbered(command: PlaceOrder | DraftOrder, sources: Sources, context: Context) -> Prices:
    """The day's next number too. If the order is refused, it stays unused."""
    day = context.now.strftime("%Y%m%d")
    number = await sources.next_number(f"order-{day}")
    known = await prices(command, sources, context)
    return known.but(number=f"ACME-{day}-{number:06}")


async def draft_prices(command: PlaceDraft, sources: Sources, context: Context) -> Prices:
    """The products of a draft."""
    drafts = await sources.states(order, [command.order_id])
    skus = [line.sku for state in drafts.values() for line in state.lines]
    products = await offered(sources, skus, context.now)
    return Prices(skus=frozenset(skus), products=dict(products))


order.decides(given=numbered)(place)
order.decides(given=numbered)(draft)
order.decides(given=prices)(change)
order.decides(given=draft_prices)(place_draft)
placing = order
"""The aggregate with all its decisions."""

"""Placing an order: the facts are gathered here, the decision is taken in ``domain``."""

from __future__ import annotations

from shop.modules.orders.domain import PlaceOrder, Prices, order, place
from shop.modules.products.facade import offered
from twofold import Context, Sources


async def prices(command: PlaceOrder, sources: Sources, context: Context) -> Prices:
    """The products as the write side has them, and the day's next number.

    A number that is not used (the order was refused) stays unused.
    """
    day = context.now.strftime("%Y%m%d")
    products = await offered(sources, [line.sku for line in command.lines], context.now)
    number = await sources.next_number(f"order-{day}")
    return Prices(products=dict(products), number=f"ACME-{day}-{number:06}")


order.decides(given=prices)(place)
placing = order
"""The aggregate with all its decisions."""
placing = order
"""The aggregate with all its decisions."""

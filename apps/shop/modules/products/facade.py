"""What other modules may ask this one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from shop.modules.products.contracts import Offered, Sku
from shop.modules.products.domain import product
from twofold import Sources


async def offered(sources: Sources, skus: Sequence[str], moment: datetime) -> Mapping[str, Offered]:
    """Products as the write side has them."""
    states = await sources.states(product, skus)
    found = {}
    for sku, state in states.items():
        pricing = state.pricing_at(moment)
        found[sku] = Offered(
            sku=Sku(sku),
            title=state.title,
            category=state.category,
            status=state.status,
            price=pricing.price if pricing else None,
            currency=pricing.currency if pricing else "",
        )
    return found

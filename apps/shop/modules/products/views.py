"""Products as customers and merchandisers browse them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from shop.modules.products.contracts import (
    Description,
    ProductActivated,
    ProductArchived,
    ProductDescribed,
    ProductDrafted,
    ProductPriced,
    ProductStatus,
    Sku,
)
from twofold import Between, Facet, Key, Projection, ReadModel, Recorded, Search, Sort


class ProductCard(Description, ReadModel):
    """A product in lists and on its page."""

    sku: Key[Search[Sku]]
    status: Facet[ProductStatus]
    price: Annotated[Sort[Decimal | None], Between("minPrice", "maxPrice")] = None
    currency: str = ""
    price_from: datetime | None = None
    newest: Sort[datetime]


products = Projection(ProductCard, name="product")


@products.on
def drafted(card: ProductCard | None, event: ProductDrafted, meta: Recorded) -> ProductCard:
    """A new card."""
    return ProductCard.of(event, sku=meta.stream_id, status=ProductStatus.DRAFT, newest=meta.time)


@products.on
def described(card: ProductCard, event: ProductDescribed) -> ProductCard:
    """New texts."""
    return ProductCard.of(event, card)


@products.on
def priced(card: ProductCard, event: ProductPriced) -> ProductCard:
    """The price set last, and from when."""
    return card.but(price=event.price, currency=event.currency, price_from=event.effective_from)


@products.on
def moved(card: ProductCard, event: ProductActivated | ProductArchived) -> ProductCard:
    """In the range, or out of it."""
    active = isinstance(event, ProductActivated)
    return card.but(status=ProductStatus.ACTIVE if active else ProductStatus.ARCHIVED)

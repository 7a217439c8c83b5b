"""Products as customers and merchandisers browse them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from shop.modules.products.contracts import (
    Description,
    PriceTookEffect,
    ProductActivated,
    ProductArchived,
    ProductDescribed,
    ProductDrafted,
    ProductPriced,
    ProductStatus,
    Sku,
)
from twofold import Between, Facet, Key, Projection, ReadModel, Recorded, Search, Sort, Value


class ComingPrice(Value):
    """A price that is set and has yet to begin."""

    price: Decimal
    currency: str
    begins: datetime


class ProductCard(Description, ReadModel):
    """A product in lists and on its page, with the price in force and those to come."""

    sku: Key[Search[Sku]]
    status: Facet[ProductStatus]
    price: Annotated[Sort[Decimal | None], Between("minPrice", "maxPrice")] = None
    currency: str = ""
    price_from: datetime | None = None
    coming_prices: tuple[ComingPrice, ...] = ()
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
def priced(card: ProductCard, event: ProductPriced, meta: Recorded) -> ProductCard:
    """A price in force at once, or one to come; it replaces another for the same moment."""
    if event.effective_from <= meta.time:
        return _in_force(card, event)
    begins = event.effective_from
    kept = [one for one in card.coming_prices if one.begins != begins]
    coming = [*kept, ComingPrice(price=event.price, currency=event.currency, begins=begins)]
    return card.but(coming_prices=tuple(sorted(coming, key=lambda one: one.begins)))


@products.on
def took_effect(card: ProductCard, event: PriceTookEffect) -> ProductCard:
    """A price that was to come."""
    return _in_force(card, event)


def _in_force(card: ProductCard, event: ProductPriced | PriceTookEffect) -> ProductCard:
    begins = event.effective_from
    return card.but(
        price=event.price,
        currency=event.currency,
        price_from=begins,
        coming_prices=tuple(one for one in card.coming_prices if one.begins > begins),
    )


@products.on
def moved(card: ProductCard, event: ProductActivated | ProductArchived) -> ProductCard:
    """In the range, or out of it."""
    active = isinstance(event, ProductActivated)
    return card.but(status=ProductStatus.ACTIVE if active else ProductStatus.ARCHIVED)

"""What other modules may know of products."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, NewType

from msgspec import Meta

from twofold import Event, Facet, Search, Sort, Value

Sku = NewType("Sku", str)
Title = Annotated[
    str, Meta(min_length=1, max_length=300, examples=["Aldergrove kettle, sage green"])
]


class ProductStatus(StrEnum):
    """draft → active → archived."""

    DRAFT = "draft"
    ACTIVE = "active"
    ARCHIVED = "archived"


class Description(Value):
    """What is said about a product."""

    title: Sort[Search[Title]]
    brand: Facet[Search[Annotated[str, Meta(max_length=100, examples=["Aldergrove"])]]] = ""
    category: Facet[Annotated[str, Meta(max_length=100, examples=["Kitchen"])]] = ""
    description: Search[Annotated[str, Meta(max_length=10_000)]] = ""
    attributes: dict[str, str] = {}


class ProductDrafted(Description, Event):
    """A product was entered."""


class ProductDescribed(Description, Event):
    """What is said about it was replaced."""


class ProductPriced(Event):
    """It costs this from then on (at once if no time is given)."""

    price: Decimal
    currency: str
    effective_from: datetime


class PriceTookEffect(Event):
    """The time has come for a price that was set before."""

    price: Decimal
    currency: str
    effective_from: datetime


class ProductActivated(Event):
    """It can be ordered."""


class ProductArchived(Event):
    """It can no longer be ordered."""


ProductEvent = (
    ProductDrafted
    | ProductDescribed
    | ProductPriced
    | PriceTookEffect
    | ProductActivated
    | ProductArchived
)


class Offered(Value):
    """A product as another module's decision sees it."""

    sku: Sku
    title: str
    category: str
    status: ProductStatus
    price: Decimal | None
    currency: str

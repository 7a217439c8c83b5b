"""Products: draft → active → archived, with prices that take effect at a time."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from shop.modules.products.contracts import (
    Description,
    PriceTookEffect,
    ProductActivated,
    ProductArchived,
    ProductDescribed,
    ProductDrafted,
    ProductEvent,
    ProductPriced,
    ProductStatus,
    Sku,
)
from twofold import Command, Context, EventSourced, InvalidInput, Problem, Refused, Value

CURRENCIES = ("EUR", "GBP", "USD")
HIGHEST_PRICE = Decimal(1_000_000)


class DraftProduct(Description, Command):
    """Enter a product."""

    sku: Sku


class DescribeProduct(Description, Command):
    """Replace what is said about a product."""

    sku: Sku


class PriceProduct(Command):
    """Set a price, at once or from a time in the future."""

    sku: Sku
    price: Decimal
    currency: str = "GBP"
    effective_from: datetime | None = None


class ApplyPrice(Command):
    """Tell that the time of a price has come."""

    sku: Sku
    moment: datetime


class ActivateProduct(Command):
    """Let customers order it. It needs a price."""

    sku: Sku


class ArchiveProduct(Command):
    """Take it out of the range."""

    sku: Sku


class ImportProduct(Description, Command):
    """Enter a product as another system describes it, or bring it up to date."""

    sku: Sku
    price: Decimal | None = None
    currency: str = "GBP"


class ArchivedProduct(Refused):
    """The product is archived."""


class Pricing(Value):
    """One price and when it begins."""

    begins: datetime
    price: Decimal
    currency: str


class Product(Value):
    """What decisions on a product need to know."""

    title: str
    category: str
    described: str
    status: ProductStatus
    prices: tuple[Pricing, ...] = ()
    applied: datetime | None = None

    def pricing_at(self, moment: datetime) -> Pricing | None:
        """The price in force: the one that began last; of two for one moment, the one set last."""
        begun = [pricing for pricing in reversed(self.prices) if pricing.begins <= moment]
        return max(begun, key=lambda pricing: pricing.begins, default=None)

    def costs(self, price: Decimal, currency: str, moment: datetime) -> bool:
        """Whether this is the price in force."""
        current = self.pricing_at(moment)
        return current is not None and (current.price, current.currency) == (price, currency)


class ProductAnswer(Value):
    """What a command on a product answers."""

    sku: str
    status: ProductStatus


product = EventSourced(Product, Sku)


def digest(description: Description) -> str:
    """Tells one description from another; the state need not keep the whole of it."""
    content = msgspec.json.encode(Description.of(description), order="sorted")
    return hashlib.blake2b(content, digest_size=16).hexdigest()


@product.answers
def answer(sku: str, state: Product) -> ProductAnswer:
    """Id and status."""
    return ProductAnswer(sku=sku, status=state.status)


@product.decides
def draft(state: None, command: DraftProduct) -> ProductDrafted:
    """A sku is used once."""
    return ProductDrafted.of(command)


@product.decides
def describe(state: Product, command: DescribeProduct) -> ProductDescribed:
    """Archived products are history."""
    if state.status is ProductStatus.ARCHIVED:
        raise ArchivedProduct("An archived product can't be changed", allowed="draft a new one")
    return ProductDescribed.of(command)


@product.decides
def price(state: Product, command: PriceProduct, context: Context) -> ProductPriced | None:
    """Prices are never set for the past."""
    _check_price(command.price, command.currency)
    if state.status is ProductStatus.ARCHIVED:
        raise ArchivedProduct("An archived product has no price", allowed="draft a new one")
    begins = command.effective_from or context.now
    if begins.tzinfo is None:
        begins = begins.replace(tzinfo=UTC)
    if begins < context.now:
        raise Refused(
            "A price can't begin in the past", allowed=f"from {context.now.isoformat()} on"
        )
    if state.costs(command.price, command.currency, begins):
        return None
    return ProductPriced(price=command.price, currency=command.currency, effective_from=begins)


def _check_price(price: Decimal, currency: str) -> None:
    problems = []
    if not 0 <= price <= HIGHEST_PRICE:
        problems.append(Problem("price", f"must be from 0 to {HIGHEST_PRICE:,}"))
    if currency not in CURRENCIES:
        problems.append(Problem("currency", f"one of {', '.join(CURRENCIES)}"))
    if problems:
        raise InvalidInput(problems)


@product.decides
def apply_price(state: Product, command: ApplyPrice, context: Context) -> PriceTookEffect | None:
    """Once for each price; a price that another one replaced meanwhile never takes effect."""
    # Clocks of two machines differ: that the moment has come is known from whoever says so.
    pricing = state.pricing_at(max(context.now, command.moment))
    if pricing is None or pricing.begins == state.applied:
        return None
    return PriceTookEffect.of(pricing, effective_from=pricing.begins)


@product.decides
def activate(state: Product, command: ActivateProduct, context: Context) -> ProductActivated | None:
    """A product without a price can't be sold."""
    if state.status is ProductStatus.ACTIVE:
        return None
    if state.status is ProductStatus.ARCHIVED:
        raise ArchivedProduct("An archived product can't be activated", allowed="draft a new one")
    if state.pricing_at(context.now) is None:
        raise Refused("The product has no price yet", allowed="price it first")
    return ProductActivated()


@product.decides
def archive(state: Product, command: ArchiveProduct) -> ProductArchived | None:
    """Archiving twice is silence."""
    return None if state.status is ProductStatus.ARCHIVED else ProductArchived()


@product.decides
def take_over(
    state: Product | None, command: ImportProduct, context: Context
) -> tuple[ProductDrafted | ProductDescribed | ProductPriced | ProductActivated, ...]:
    """What differs from the product as it is; a product with a price can be ordered."""
    events: list[ProductDrafted | ProductDescribed | ProductPriced | ProductActivated] = []
    if state is None:
        events.append(ProductDrafted.of(command))
    elif state.status is ProductStatus.ARCHIVED:
        raise ArchivedProduct("An archived product can't be changed", allowed="draft a new one")
    elif state.described != digest(command):
        events.append(ProductDescribed.of(command))
    if command.price is None:
        return tuple(events)
    _check_price(command.price, command.currency)
    if state is None or not state.costs(command.price, command.currency, context.now):
        events.append(ProductPriced.of(command, effective_from=context.now))
    if state is None or state.status is ProductStatus.DRAFT:
        events.append(ProductActivated())
    return tuple(events)


@product.evolves
def evolve(state: Product | None, event: ProductEvent) -> Product:
    """What happened, as state."""
    if isinstance(event, ProductDrafted):
        return Product.of(event, described=digest(event), status=ProductStatus.DRAFT)
    assert state is not None
    match event:
        case ProductDescribed():
            return state.but(title=event.title, category=event.category, described=digest(event))
        case ProductPriced():
            pricing = Pricing(
                begins=event.effective_from, price=event.price, currency=event.currency
            )
            return state.but(prices=(*state.prices, pricing))
        case PriceTookEffect():
            return state.but(applied=event.effective_from)
        case ProductActivated():
            return state.but(status=ProductStatus.ACTIVE)
        case ProductArchived():
            return state.but(status=ProductStatus.ARCHIVED)

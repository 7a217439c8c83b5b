"""Products: draft → active → archived, with prices that take effect at a time."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from shop.modules.products.contracts import (
    Description,
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


class ActivateProduct(Command):
    """Let customers order it. It needs a price."""

    sku: Sku


class ArchiveProduct(Command):
    """Take it out of the range."""

    sku: Sku


class Pricing(Value):
    """One price and when it begins."""

    begins: datetime
    price: Decimal
    currency: str


class Product(Value):
    """What decisions on a product need to know."""

    title: str
    status: ProductStatus
    prices: tuple[Pricing, ...] = ()

    def pricing_at(self, moment: datetime) -> Pricing | None:
        """The price in force: the one that began last."""
        begun = [pricing for pricing in self.prices if pricing.begins <= moment]
        return max(begun, key=lambda pricing: pricing.begins, default=None)


class ProductAnswer(Value):
    """What a command on a product answers."""

    sku: str
    status: ProductStatus


product = EventSourced(Product, Sku)


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
        raise Refused("An archived product can't be changed", allowed="draft a new one")
    return ProductDescribed.of(command)


@product.decides
def price(state: Product, command: PriceProduct, context: Context) -> ProductPriced | None:
    """Prices are never set for the past."""
    problems = []
    if not 0 <= command.price <= HIGHEST_PRICE:
        problems.append(Problem("price", f"must be from 0 to {HIGHEST_PRICE:,}"))
    if command.currency not in CURRENCIES:
        problems.append(Problem("currency", f"one of {', '.join(CURRENCIES)}"))
    if problems:
        raise InvalidInput(problems)
    if state.status is ProductStatus.ARCHIVED:
        raise Refused("An archived product has no price", allowed="draft a new one")
    begins = command.effective_from or context.now
    if begins.tzinfo is None:
        begins = begins.replace(tzinfo=UTC)
    if begins < context.now:
        raise Refused(
            "A price can't begin in the past", allowed=f"from {context.now.isoformat()} on"
        )
    current = state.pricing_at(begins)
    if current and (current.price, current.currency) == (command.price, command.currency):
        return None
    return ProductPriced(price=command.price, currency=command.currency, effective_from=begins)


@product.decides
def activate(state: Product, command: ActivateProduct, context: Context) -> ProductActivated | None:
    """A product without a price can't be sold."""
    if state.status is ProductStatus.ACTIVE:
        return None
    if state.status is ProductStatus.ARCHIVED:
        raise Refused("An archived product can't be activated", allowed="draft a new one")
    if state.pricing_at(context.now) is None:
        raise Refused("The product has no price yet", allowed="price it first")
    return ProductActivated()


@product.decides
def archive(state: Product, command: ArchiveProduct) -> ProductArchived | None:
    """Archiving twice is silence."""
    return None if state.status is ProductStatus.ARCHIVED else ProductArchived()


@product.evolves
def evolve(state: Product | None, event: ProductEvent) -> Product:
    """What happened, as state."""
    if isinstance(event, ProductDrafted):
        return Product(title=event.title, status=ProductStatus.DRAFT)
    assert state is not None
    match event:
        case ProductDescribed():
            return state.but(title=event.title)
        case ProductPriced():
            pricing = Pricing(
                begins=event.effective_from, price=event.price, currency=event.currency
            )
            return state.but(prices=(*state.prices, pricing))
        case ProductActivated():
            return state.but(status=ProductStatus.ACTIVE)
        case ProductArchived():
            return state.but(status=ProductStatus.ARCHIVED)

"""Orders to measure with: the same from run to run and for every competitor, out of a seed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

COUNTRIES = ("United Kingdom", "Germany", "France", "Ireland", "Spain", "Netherlands", "Norway")
STATUSES = ("pendingPayment", "paymentConfirmed", "processing", "shipped", "delivered", "cancelled")
_ADJECTIVES = ("White", "Cream", "Red", "Vintage", "Wooden", "Glass", "Small", "Large")
_THINGS = ("Lantern", "Mug", "Clock", "Cushion", "Bowl", "Candle", "Frame", "Basket")
_FIRST = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Product:
    sku: str
    title: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class Customer:
    customer_id: str
    name: str
    country: str


@dataclass(frozen=True, slots=True)
class Line:
    product: Product
    quantity: int


@dataclass(frozen=True, slots=True)
class Order:
    order_id: str
    number: str
    customer: Customer
    status: str
    currency: str
    placed_at: datetime
    lines: tuple[Line, ...]

    @property
    def total(self) -> Decimal:
        """In ``currency``, at the prices of the day."""
        return sum((line.product.price * line.quantity for line in self.lines), Decimal(0))


def products(count: int = 1_000, seed: int = 1) -> list[Product]:
    """Products with prices of two decimals."""
    random = Random(seed)
    return [
        Product(
            sku=f"SKU{index:05d}",
            title=f"{random.choice(_ADJECTIVES)} {random.choice(_THINGS)} no. {index}",
            price=Decimal(random.randrange(50, 9_999)) / 100,
        )
        for index in range(count)
    ]


def customers(count: int = 2_000, seed: int = 2) -> list[Customer]:
    """Customers of several countries, most of them from the first."""
    random = Random(seed)
    weights = [12, *(1 for _ in COUNTRIES[1:])]
    return [
        Customer(_id(random), f"Customer {index}", random.choices(COUNTRIES, weights)[0])
        for index in range(count)
    ]


def orders(count: int = 20_000, seed: int = 3) -> Iterator[Order]:
    """Orders of one to nine lines, five on average, in the order in which they were placed."""
    random = Random(seed)
    known_products, known_customers = products(), customers()
    for index in range(count):
        placed_at = _FIRST + timedelta(minutes=20 * index)
        chosen = random.sample(known_products, random.randint(1, 9))
        yield Order(
            order_id=_id(random),
            number=f"ACME-{placed_at:%Y%m%d}-{index:06d}",
            customer=random.choice(known_customers),
            status=random.choice(STATUSES),
            currency="GBP",
            placed_at=placed_at,
            lines=tuple(Line(product, random.randint(1, 6)) for product in chosen),
        )


def _id(random: Random) -> str:
    return str(uuid.UUID(int=random.getrandbits(128), version=4))

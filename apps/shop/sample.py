"""Sample data for demonstrations: made up, the same at every start, sent as real commands."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from shop.modules.orders.contracts import CustomerId, OrderId
from shop.modules.orders.domain import (
    CancelOrder,
    ConfirmPayment,
    Deliver,
    PlaceOrder,
    Refund,
    Ship,
    StartProcessing,
    Wanted,
)
from shop.modules.products.contracts import Sku
from shop.modules.products.domain import (
    ActivateProduct,
    ArchiveProduct,
    DraftProduct,
    PriceProduct,
)
from twofold import Caller, Command, Done, Sent, System

T = TypeVar("T")
ORDERS = 1_200
DAYS = 365
_AT_ONCE = 100
_STAFF = Caller("service", "Sam Service", frozenset({"service", "finance", "merchandiser"}))
_WAREHOUSE = Caller("operations", "Olga Operations", frozenset({"operations"}))

_BRANDS = ("Aldergrove", "Brightwater", "Copperline", "Fennimore", "Halden & Daughters", "Ostrava")
_THINGS: dict[str, tuple[tuple[str, ...], tuple[int, int]]] = {
    "Kitchen": (("kettle", "bread bin", "chopping board", "pepper mill", "cast-iron pan"), (9, 89)),
    "Garden": (("watering can", "bird table", "trowel set", "lantern", "herb planter"), (6, 75)),
    "Stationery": (("notebook", "fountain pen", "desk calendar", "wrapping paper"), (2, 38)),
    "Home": (("wall clock", "cushion", "doormat", "picture frame", "candle holder"), (4, 64)),
    "Toys": (("wooden train", "kite", "marble run", "jigsaw puzzle", "spinning top"), (5, 49)),
}
_LOOKS = ("red", "sage green", "midnight blue", "natural oak", "ivory")
_COUNTRIES = (
    ("United Kingdom", 60),
    ("Germany", 12),
    ("France", 10),
    ("Ireland", 8),
    ("Netherlands", 6),
    ("Sweden", 4),
)


class Sample:
    """Makes products, then orders over the year before ``now``."""

    def __init__(self, system: System, seed: int = 2026) -> None:
        self._system = system
        self._random = random.Random(seed)
        self._now = system.clock.now().replace(microsecond=0)
        self._skus: list[str] = []

    async def make(self, orders: int = ORDERS) -> None:
        """Everything."""
        await _gathered(self._product(*item) for item in self._range())
        await _gathered(self._order(*self._plan()) for _ in range(orders))

    def _range(self) -> list[tuple[str, str, str, str, Decimal, bool]]:
        found: list[tuple[str, str, str, str, Decimal, bool]] = []
        for category, (things, (low, high)) in _THINGS.items():
            for thing in things:
                for look in _LOOKS:
                    brand = self._random.choice(_BRANDS)
                    sku = f"{category[:2].upper()}-{len(found) + 1001}"
                    price = Decimal(self._random.randint(low * 4, high * 4)) / 4 - Decimal("0.01")
                    title = f"{brand} {thing}, {look}"
                    found.append((sku, title, brand, category, price, len(found) % 19 == 18))
        self._skus = [item[0] for item in found if not item[5]]
        return found

    async def _product(
        self, sku: str, title: str, brand: str, category: str, price: Decimal, gone: bool
    ) -> None:
        at = self._now - timedelta(days=DAYS + 1)
        key = Sku(sku)
        words = title.partition(", ")
        draft = DraftProduct(
            sku=key,
            title=title,
            brand=brand,
            category=category,
            description=f"A {words[0].removeprefix(brand).strip()} made to last, in {words[2]}.",
            attributes={"colour": words[2]},
        )
        await self._send(draft, at)
        await self._send(PriceProduct(sku=key, price=price), at)
        await self._send(ActivateProduct(sku=key), at)
        if gone:
            await self._send(ArchiveProduct(sku=key), at)

    def _plan(self) -> tuple[PlaceOrder, datetime, float, float]:
        names, weights = zip(*_COUNTRIES, strict=True)
        customer = self._random.choice(["customer", "customer2", *(f"c-{n}" for n in range(58))])
        lines = self._random.sample(self._skus, self._random.randint(1, 5))
        # More orders towards the present: the shop grows.
        age_days = DAYS * self._random.random() ** 1.4
        order = PlaceOrder(
            customer_id=CustomerId(customer),
            country=self._random.choices(names, weights)[0],
            lines=tuple(Wanted(sku=s, quantity=self._random.randint(1, 6)) for s in lines),
        )
        at = self._now - timedelta(days=age_days)
        return order, at, self._random.random(), self._random.random()

    async def _order(self, order: PlaceOrder, at: datetime, fate: float, luck: float) -> None:
        done = await self._send(order, at)
        which = OrderId(done.identity)
        old = (self._now - at).days
        if fate < 0.05 or (fate < 0.12 and old < 2):
            return
        if fate < 0.10:
            await self._send(CancelOrder(order_id=which, reason="changed my mind"), at)
            return
        at = min(self._now, at + timedelta(minutes=5))
        await self._send(ConfirmPayment(order_id=which, reference=f"test-{done.position}"), at)
        if fate < 0.14:
            await self._send(CancelOrder(order_id=which, reason="out of stock"), at)
            return
        for step, days in (
            (StartProcessing(order_id=which), 1),
            (Ship(order_id=which, tracking=f"AC{done.position:08}"), 2),
            (Deliver(order_id=which), 5),
        ):
            if old <= days:
                return
            await self._send(step, at + timedelta(days=days), _WAREHOUSE)
        if luck < 0.06:
            part = Refund(order_id=which, amount=Decimal("1.00"), reason="arrived damaged")
            await self._send(part, min(self._now, at + timedelta(days=9)))

    async def _send(self, command: Command, at: datetime, caller: Caller = _STAFF) -> Done:
        return await self._system.send(command, Sent(caller=caller, at=at))


async def _gathered(work: Iterable[Awaitable[None]]) -> None:
    """Run ``work`` with a bounded number under way, so that commits are shared."""
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(item: Awaitable[None]) -> None:
        async with limit:
            await item

    await asyncio.gather(*(one(item) for item in work))


async def sample(system: System) -> None:
    """Fill an empty shop."""
    await Sample(system).make()

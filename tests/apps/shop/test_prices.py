"""Prices that begin at a time: what is shown, and what an order costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from shop.main import app
from shop.modules.products.contracts import PriceTookEffect, ProductDrafted, ProductPriced, Sku
from shop.modules.products.domain import ApplyPrice, product
from twofold.testing import Site, given, site
from twofold.testing.virtual_time import START

MINUTE = 60
DRAFTED = ProductDrafted(title="Mug")


@pytest.fixture(params=["inline", "async"])
def web(request: pytest.FixtureRequest) -> Iterator[Site]:
    """A shop in virtual time, with one product for 5.00."""
    mode: Any = request.param
    with site(app, projections=mode) as running:
        running.post("/api/v1/products", {"sku": "M", "title": "Mug"}, by="merchandiser")
        price(running, "5.00")
        running.post("/api/v1/products/M/activate", by="merchandiser")
        yield running


def price(web: Site, amount: str, minutes: float = 0) -> int:
    """Set a price, now or in some minutes."""
    body = {"price": amount}
    if minutes:
        moment = web.now + timedelta(minutes=minutes)
        body["effectiveFrom"] = moment.isoformat()
    return web.post("/api/v1/products/M/price", body, by="merchandiser").status


def shown(web: Site) -> tuple[str, list[str]]:
    """The price in force, and those to come."""
    card = web.get("/api/v1/products/M").json
    return card["price"], [one["price"] for one in card["comingPrices"]]


def ordered(web: Site) -> str:
    """What one costs now."""
    line = {"sku": "M", "quantity": 1}
    body = {"country": "Germany", "lines": [line]}
    total: str = web.post("/api/v1/orders", body, by="customer").json["total"]
    return total


def test_a_price_to_come_is_announced_and_not_charged_yet(web: Site) -> None:
    assert price(web, "6.00", minutes=4) == 200
    assert (shown(web), ordered(web)) == (("5.00", ["6.00"]), "5.00")


def test_at_its_time_a_price_is_shown_and_charged(web: Site) -> None:
    price(web, "6.00", minutes=4)
    price(web, "7.00", minutes=8)
    web.wait(4 * MINUTE + 2)
    assert (shown(web), ordered(web)) == (("6.00", ["7.00"]), "6.00")
    web.wait(4 * MINUTE)
    assert (shown(web), ordered(web)) == (("7.00", []), "7.00")
    assert web.get("/api/v1/products?minPrice=7").json["total"] == 1


def test_another_price_for_the_same_moment_replaces_the_first(web: Site) -> None:
    moment = (web.now + timedelta(minutes=4)).isoformat()
    for amount in ("6.00", "6.50"):
        body = {"price": amount, "effectiveFrom": moment}
        web.post("/api/v1/products/M/price", body, by="merchandiser")
    assert shown(web) == ("5.00", ["6.50"])
    web.wait(4 * MINUTE + 2)
    assert (shown(web), ordered(web)) == (("6.50", []), "6.50")


def test_a_price_set_meanwhile_gives_way_when_the_time_comes(web: Site) -> None:
    price(web, "6.00", minutes=4)
    web.wait(MINUTE)
    price(web, "4.00")
    assert shown(web) == ("4.00", ["6.00"])
    web.wait(4 * MINUTE)
    assert shown(web) == ("6.00", [])


def test_a_price_takes_effect_once() -> None:
    tomorrow = START + timedelta(days=1)
    priced = ProductPriced(price=Decimal(6), currency="GBP", effective_from=tomorrow)
    effect = PriceTookEffect(price=Decimal(6), currency="GBP", effective_from=tomorrow)
    apply = ApplyPrice(sku=Sku("1"), moment=tomorrow)
    given(product, DRAFTED, priced).when(apply, at=tomorrow).then(effect)
    # The scheduler's clock may run ahead of this one.
    given(product, DRAFTED, priced).when(apply, at=START).then(effect)
    given(product, DRAFTED, priced, effect).when(apply, at=tomorrow).nothing()


def test_the_products_page_tells_of_a_price_to_come(web: Site) -> None:
    price(web, "6.00", minutes=4)
    page = web.get("/products/M").text
    assert "£5.00" in page
    assert "£6.00" in page

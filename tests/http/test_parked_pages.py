"""What waits for an operator: said to whom it concerns, and to nobody else."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from shop.main import app as shop_app
from tests.http.conftest import Client, served
from tests.waiting import until
from twofold import RuntimeSettings

ORDER = {"customerId": "C-1", "country": "France", "lines": [{"sku": "CUP", "quantity": 1}]}
PAID = "order.PaymentConfirmed"
HELD_UP = "held up"
COOKIE = "twofold_pending"


@pytest.fixture(params=["inline", "async"])
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    settings = RuntimeSettings(projections=request.param, parked_attempts=1)
    async with served(shop_app, settings) as found:
        made = await found.post("/api/v1/products", {"sku": "CUP", "title": "Cup"}, "merchandiser")
        assert made.status_code == 201, made.text
        for step, body in (("price", {"price": "3.20"}), ("activate", {})):
            await found.post(f"/api/v1/products/CUP/{step}", body, "merchandiser")
        yield found


async def placed(shop: Client) -> str:
    answer = await shop.post("/api/v1/orders", ORDER, "service")
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["orderId"]
    return found


def refuse_payments_of(shop: Client, order: str) -> None:
    """Neither the list nor the page of an order can be told that it is paid."""
    for projection in ("order", "order_page"):
        folds = shop.http.system.wired.foldings[projection].folds

        def breaking(function: Any) -> Any:
            def fold(document: Any, *others: Any) -> Any:
                if document.order_id == order:
                    raise ValueError("as told")
                return function(document, *others)

            return fold

        folds[PAID] = tuple(
            msgspec.structs.replace(one, function=breaking(one.function)) for one in folds[PAID]
        )


async def paid(shop: Client, order: str) -> str:
    """Confirm the payment on the order's page; answers the cookie that remembers it."""
    page = await shop.get(f"/orders/{order}", "service")
    key = re.search(r'name="key" value="([^"]+)"', page.text)
    assert key is not None
    form = f"key={key[1]}&reference=R-1".encode()
    kind = "application/x-www-form-urlencoded"
    answer = await shop.send(
        "POST", f"/orders/{order}/confirm-payment", form, "service", content_type=kind
    )
    assert answer.status_code == 303, answer.text
    await until(lambda: caught_up(shop))
    cookie: str = answer.cookies[COOKIE]
    return cookie


def caught_up(shop: Client) -> bool:
    progress = shop.http.system.progress
    tables = shop.http.system.tables.values()
    return all(progress.checkpoint(table).position >= progress.head for table in tables)


async def test_a_page_is_held_up_only_where_events_of_its_own_wait(shop: Client) -> None:
    one, other = await placed(shop), await placed(shop)
    refuse_payments_of(shop, one)
    mine, theirs = await paid(shop, one), await paid(shop, other)
    for order, cookie, waits in ((one, mine, True), (other, theirs, False)):
        page = await shop.get(f"/orders/{order}", "service", cookie=f"{COOKIE}={cookie}")
        assert (HELD_UP in page.text) is waits
        assert ("saved · held up" in page.text or "waits for an operator" in page.text) is waits


async def test_a_list_marks_what_its_reader_did_and_it_does_not_show(shop: Client) -> None:
    one, other = await placed(shop), await placed(shop)
    refuse_payments_of(shop, one)
    mine, theirs = await paid(shop, one), await paid(shop, other)
    held_up = await shop.get("/orders", "service", cookie=f"{COOKIE}={mine}")
    assert 'data-pending data-state="parked"' in held_up.text
    shown = await shop.get("/orders", "service", cookie=f"{COOKIE}={theirs}")
    assert "data-pending" not in shown.text
    assert 'data-freshness data-state="parked"' in shown.text

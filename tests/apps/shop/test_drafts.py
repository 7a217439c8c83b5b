"""Orders that are put together in several steps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shop.main import app
from twofold.testing import Site, site
from twofold.testing.site import Response

DRAFT = {"country": "Germany", "lines": [{"sku": "A", "quantity": 2}]}


@pytest.fixture
def web() -> Iterator[Site]:
    """A shop with the products A for 5.00 and B for 1.00."""
    with site(app) as running:
        for sku, price in (("A", "5"), ("B", "1")):
            running.post("/api/v1/products", {"sku": sku, "title": sku}, by="merchandiser")
            priced(running, sku, price)
            running.post(f"/api/v1/products/{sku}/activate", by="merchandiser")
        yield running


def priced(web: Site, sku: str, price: str) -> None:
    web.post(f"/api/v1/products/{sku}/price", {"price": price}, by="merchandiser")


def drafted(web: Site) -> str:
    answer = web.post("/api/v1/orders/drafts", DRAFT, by="customer")
    assert (answer.status, answer.json["status"]) == (201, "draft")
    return f"/api/v1/orders/{answer.json['orderId']}"


def changed(web: Site, order: str, quantity: int, by: str = "customer") -> Response:
    body = {"country": "France", "lines": [{"sku": "B", "quantity": quantity}]}
    return web.send("PUT", order, body, by=by)


def test_a_draft_is_charged_at_the_prices_of_when_it_is_placed(web: Site) -> None:
    order = drafted(web)
    priced(web, "A", "6")
    assert web.get(order, by="customer").json["total"] == "10"
    placed = web.post(f"{order}/place", by="customer").json
    assert (placed["status"], placed["total"]) == ("pending-payment", "12")
    page = web.get(order, by="customer").json
    assert (page["number"], page["total"]) == (placed["number"], "12")
    assert [entry["what"] for entry in page["timeline"]] == ["drafted", "placed"]


def test_a_draft_changes_until_it_is_placed(web: Site) -> None:
    order = drafted(web)
    assert changed(web, order, 3).json["total"] == "3"
    assert changed(web, order, 3).status == 200
    page = web.get(order, by="customer").json
    assert (page["country"], [line["sku"] for line in page["lines"]]) == ("France", ["B"])
    assert [entry["what"] for entry in page["timeline"]] == ["drafted", "changed"]
    web.post(f"{order}/place", by="customer")
    late = changed(web, order, 4)
    assert (late.status, late.json["status"]) == (409, 409)
    assert "can't be changed" in late.json["detail"]


def test_placing_a_draft_twice_is_one_order(web: Site) -> None:
    order = drafted(web)
    totals = [web.post(f"{order}/place", by="customer").json["total"] for _ in range(2)]
    assert totals == ["10", "10"]
    assert web.get("/api/v1/customers/customer", by="customer").json["orders"] == 1


def test_a_draft_is_no_order_yet(web: Site) -> None:
    order = drafted(web)
    assert web.post(f"{order}/confirm-payment", by="service").status == 409
    assert web.get("/api/v1/customers/customer", by="customer").status == 404
    assert web.get("/api/v1/orders?status=draft", by="customer").json["total"] == 1
    assert web.post(f"{order}/cancel", by="customer").json["status"] == "cancelled"
    assert web.post(f"{order}/place", by="customer").status == 409


def test_what_left_the_range_meanwhile_is_named(web: Site) -> None:
    order = drafted(web)
    web.post("/api/v1/products/A/archive", by="merchandiser")
    refused = web.post(f"{order}/place", by="customer")
    assert refused.status == 422
    assert refused.json["errors"][0]["message"] == "A can't be ordered: it is archived"


def test_a_draft_is_its_customers_own(web: Site) -> None:
    order = drafted(web)
    assert changed(web, order, 1, by="customer2").status == 403
    assert web.post(f"{order}/place", by="customer2").status == 403
    assert web.post(f"{order}/place", by="service").status == 200

"""The revenue report: by category, and as a table for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest

from shop.main import app
from twofold.testing import Site, site

REPORT = "/api/v1/reports/revenue"


@pytest.fixture
def web() -> Iterator[Site]:
    """A shop with one paid order of two categories, a part of it refunded."""
    with site(app) as running:
        for sku, category, price in (("K", "Kitchen", "2.50"), ("G", "Garden", "10")):
            draft = {"sku": sku, "title": f"A {sku}", "category": category}
            running.post("/api/v1/products", draft, by="merchandiser")
            running.post(f"/api/v1/products/{sku}/price", {"price": price}, by="merchandiser")
            running.post(f"/api/v1/products/{sku}/activate", by="merchandiser")
        lines = [{"sku": "K", "quantity": 3}, {"sku": "G", "quantity": 1}]
        placed = {"country": "=Danger", "lines": lines}
        order = running.post("/api/v1/orders", placed, by="customer").json["orderId"]
        running.post(f"/api/v1/orders/{order}/confirm-payment", by="service")
        refund = {"amount": "1.25", "reason": "scratched"}
        running.post(f"/api/v1/orders/{order}/refunds", refund, by="finance")
        yield running


def test_revenue_is_known_by_category(web: Site) -> None:
    report = web.get(f"{REPORT}?by=category", by="finance").json
    assert [(i["key"], i["net"], i["units"], i["orders"]) for i in report["items"]] == [
        ("Garden", "10.00", 1, 1),
        ("Kitchen", "7.50", 3, 1),
        ("REFUND", "-1.25", 0, 0),
    ]
    assert report["total"]["net"] == "16.25"


def test_a_report_is_a_table_where_that_is_preferred(web: Site) -> None:
    answer = web.get(f"{REPORT}?by=category", by="finance", headers={"accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert list(csv.reader(io.StringIO(answer.text))) == [
        ["key", "net", "gross", "refunds", "units", "orders"],
        ["Garden", "10.00", "10.00", "0.00", "1", "1"],
        ["Kitchen", "7.50", "7.50", "0.00", "3", "1"],
        ["REFUND", "-1.25", "0.00", "-1.25", "0", "0"],
    ]


@pytest.mark.parametrize(
    "accept", ["application/json, text/csv", "*/*", "text/csv;q=0.5, */*", "text/csv;q=0", "", "x"]
)
def test_otherwise_it_is_json(web: Site, accept: str) -> None:
    answer = web.get(REPORT, by="finance", headers={"accept": accept})
    assert answer.json["total"]["orders"] == 1


def test_no_name_is_run_by_a_spreadsheet(web: Site) -> None:
    answer = web.get(f"{REPORT}?by=country", by="finance", headers={"accept": "text/csv"})
    assert list(csv.reader(io.StringIO(answer.text)))[1][:2] == ["'=Danger", "16.25"]


def test_a_table_is_for_whoever_may_see_the_report(web: Site) -> None:
    assert web.get(REPORT, by="customer", headers={"accept": "text/csv"}).status == 403

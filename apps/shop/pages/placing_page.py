"""Placing an order as a page, at once or as a draft first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shop.modules.orders.domain import PlaceOrder
from shop.modules.orders.drafts import ChangeDraft, DraftOrder
from shop.pages.order_pages import ORDER
from twofold.http.pages.form_page import FormPage
from twofold.http.pages.formats import money
from twofold.http.pages.forms import Form
from twofold.http.pages.site import Site
from twofold.http.pages.steps import Step
from twofold.http.pages.visit import Visit

_COUNTRIES = ("United Kingdom", "Germany", "France", "Ireland", "Netherlands", "Sweden")
_ROWS = 5
_BETWEEN = " · "
_OFFERED = {"status": ["active"], "size": ["200"], "sortBy": ["title"]}
_LABELS = {
    "customerId": "Customer",
    "country": "Country",
    "lines": "Products",
    "lines[].sku": "Product {n}",
    "lines[].quantity": "Quantity {n}",
}


def _chosen(_: Mapping[str, Any], visit: Visit) -> Mapping[str, Sequence[str]]:
    """Empty, or with a product chosen elsewhere."""
    return {"sku": [visit.parameter("sku")], "quantity": ["1"]}


def _drafted(order: Mapping[str, Any], _: Visit) -> Mapping[str, Sequence[str]]:
    return {
        "country": [order["country"]],
        "sku": [line["sku"] for line in order["lines"]],
        "quantity": [str(line["quantity"]) for line in order["lines"]],
    }


async def _choices(site: Site, visit: Visit, form: Form) -> Mapping[str, Any]:
    products = await site.items(visit, "/api/v1/products", _OFFERED)
    titles = {item["sku"]: _option(item) for item in products.items}
    lines = [(titles.get(sku, sku), quantity) for sku, quantity in _lines(form)]
    return {
        "options": list(titles.values()),
        "lines": lines + [("", "1")] * (_ROWS - len(lines)),
        "countries": [(country, country) for country in _COUNTRIES],
    }


def _option(product: dict[str, Any]) -> str:
    price = money(product["price"], product["currency"])
    return _BETWEEN.join((product["sku"], product["title"], price))


def _lines(form: Form) -> list[tuple[str, str]]:
    """The lines filled in; what was chosen from the list begins with the product's number."""
    pairs = zip(form.values("sku"), form.values("quantity"), strict=False)
    found = [(text.partition(_BETWEEN)[0].strip(), quantity.strip()) for text, quantity in pairs]
    return [(sku, quantity) for sku, quantity in found if sku]


def _raw(form: Form) -> dict[str, Any]:
    lines = [{"sku": sku, "quantity": quantity} for sku, quantity in _lines(form)]
    raw: dict[str, Any] = {"country": form.value("country"), "lines": lines}
    customer = form.value("customerId").strip()
    return {**raw, "customerId": customer} if customer else raw


_PLACE = Step("", "Place order", "Order placed", PlaceOrder, labels=_LABELS, read=_raw)
_DRAFT = Step("", "Save as draft", "Draft saved", DraftOrder, labels=_LABELS, read=_raw)
_CHANGE = Step("", "Save draft", "Draft changed", ChangeDraft, labels=_LABELS, read=_raw)

PAGES = (
    FormPage(
        subject=ORDER,
        template="place.html",
        address="/place",
        title="New order",
        doing="placing an order",
        step=_PLACE,
        fields=_chosen,
        instead={"draft": _DRAFT},
        more=_choices,
    ),
    FormPage(
        subject=ORDER,
        template="place.html",
        address="/orders/{orderId}/edit",
        title="Change the draft",
        doing="changing a draft",
        step=_CHANGE,
        changes=True,
        fields=_drafted,
        more=_choices,
    ),
)

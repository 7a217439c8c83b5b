"""Placing an order as a page."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from shop.modules.orders.domain import PlaceOrder
from shop.pages.order_pages import KIND, known_of
from twofold.errors import InvalidInput, SignInRequired
from twofold.http.pages.formats import money
from twofold.http.pages.forms import Form
from twofold.http.pages.site import Site
from twofold.http.pages.visit import Visit
from twofold.messages.validation import read_value

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


class PlacingPage:
    """The form for an order; all problems of it at once."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def show(self, request: Request) -> Response:
        """The empty form, or with a product chosen elsewhere."""
        visit = Visit.of(request, self._site.security)
        if not visit.caller.subject:
            raise SignInRequired("placing an order")
        return await self._page(visit, Form({"sku": [visit.parameter("sku")], "quantity": ["1"]}))

    async def place(self, request: Request) -> Response:
        """Place it; the order's page tells the rest."""
        visit = Visit.of(request, self._site.security)
        form = Form(fields := await visit.fields())
        try:
            command = read_value(PlaceOrder, _raw(form), strict=False)
            done = await self._site.send(visit, command, form.value("key"))
        except InvalidInput as invalid:
            return await self._page(visit, Form(fields, invalid.problems, _LABELS), 422)
        known = known_of(done)
        order_id = known["orderId"]
        deed = visit.deed(self._site.system, KIND, order_id, "Order placed", done, known)
        return visit.see(f"/orders/{order_id}", self._site.system, deed)

    async def _page(self, visit: Visit, form: Form, status: int = 200) -> Response:
        products = await self._site.items(visit, "/api/v1/products", _OFFERED)
        titles = {item["sku"]: _option(item) for item in products.items}
        lines = [(titles.get(sku, sku), quantity) for sku, quantity in _lines(form)]
        values = {
            "form": form,
            "options": list(titles.values()),
            "lines": lines + [("", "1")] * (_ROWS - len(lines)),
            "countries": [(country, country) for country in _COUNTRIES],
            # The attempt before is answered: what is sent next is another one.
            "key": self._site.new_key(),
        }
        return self._site.page(visit, "place.html", values, status)


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

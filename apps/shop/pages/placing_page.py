"""Placing an order as a page, at once or as a draft first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from shop.modules.orders.domain import PlaceOrder
from shop.modules.orders.drafts import ChangeDraft, DraftOrder
from shop.pages.order_pages import KIND, ONE, known_of
from twofold import Command, Problem, Refused
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
_NEW = "/place"
_LABELS = {
    "customerId": "Customer",
    "country": "Country",
    "lines": "Products",
    "lines[].sku": "Product {n}",
    "lines[].quantity": "Quantity {n}",
}
_COMMANDS: Mapping[str, tuple[type[Command], str]] = {
    "place": (PlaceOrder, "Order placed"),
    "draft": (DraftOrder, "Draft saved"),
    "change": (ChangeDraft, "Draft changed"),
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
        chosen = {"sku": [visit.parameter("sku")], "quantity": ["1"]}
        return await self._page(visit, Form(chosen), _NEW)

    async def place(self, request: Request) -> Response:
        """Place it, or save it as a draft; the order's page tells the rest."""
        return await self._save(Visit.of(request, self._site.security), _NEW, {})

    async def edit(self, request: Request) -> Response:
        """The form with what a draft says."""
        visit = Visit.of(request, self._site.security)
        order_id = request.path_params["order_id"]
        order = (await self._site.one(visit, ONE, order_id)).content
        fields = {
            "country": [order["country"]],
            "sku": [line["sku"] for line in order["lines"]],
            "quantity": [str(line["quantity"]) for line in order["lines"]],
        }
        return await self._page(visit, Form(fields), f"/orders/{order_id}/edit")

    async def change(self, request: Request) -> Response:
        """Save what was changed in a draft."""
        visit = Visit.of(request, self._site.security)
        order_id = request.path_params["order_id"]
        return await self._save(visit, f"/orders/{order_id}/edit", {"orderId": order_id})

    async def _save(self, visit: Visit, where: str, given: Mapping[str, str]) -> Response:
        form = Form(fields := await visit.fields())
        then = "change" if given else form.value("then", "place")
        kind, what = _COMMANDS.get(then, _COMMANDS["place"])
        try:
            command = read_value(kind, _raw(form), given=given, strict=False)
            done = await self._site.send(visit, command, form.value("key"))
        except InvalidInput as invalid:
            return await self._page(visit, Form(fields, invalid.problems, _LABELS), where, 422)
        except Refused as refusal:
            problems = [Problem("", str(refusal))]
            return await self._page(visit, Form(fields, problems, _LABELS), where, 409)
        known = known_of(done)
        order_id = known["orderId"]
        deed = visit.deed(self._site.system, KIND, order_id, what, done, known)
        return visit.see(f"/orders/{order_id}", self._site.system, deed)

    async def _page(self, visit: Visit, form: Form, where: str, code: int = 200) -> Response:
        products = await self._site.items(visit, "/api/v1/products", _OFFERED)
        titles = {item["sku"]: _option(item) for item in products.items}
        lines = [(titles.get(sku, sku), quantity) for sku, quantity in _lines(form)]
        values = {
            "form": form,
            "action": where,
            "new": where == _NEW,
            "options": list(titles.values()),
            "lines": lines + [("", "1")] * (_ROWS - len(lines)),
            "countries": [(country, country) for country in _COUNTRIES],
            # The attempt before is answered: what is sent next is another one.
            "key": self._site.new_key(),
        }
        return self._site.page(visit, "place.html", values, code)


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

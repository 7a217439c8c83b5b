"""Orders as pages: the list, one order, placing an order, a customer."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from shop.modules.customers.views import customers
from shop.modules.orders.contracts import OrderId
from shop.modules.orders.domain import (
    CancelOrder,
    ConfirmPayment,
    Deliver,
    PlaceOrder,
    Refund,
    Ship,
    StartProcessing,
)
from shop.modules.orders.views import order_pages
from twofold import Caller, Command, NotFound, Refused, Sent
from twofold.domain.projection import OneOf, PageOf
from twofold.errors import InvalidInput, Problem
from twofold.http.pages.listing import list_view, note_time
from twofold.http.pages.site import Site, Visit, field_errors
from twofold.messages.validation import read_value
from twofold.wiring.routes import Route as Declared

PENDING = "shop_pending"
_PENDING_SECONDS = 120
COUNTRIES = ("United Kingdom", "Germany", "France", "Ireland", "Netherlands", "Sweden")
_ROWS = 5
_BADGES = {
    "pending-payment": "warn",
    "payment-confirmed": "accent",
    "processing": "accent",
    "shipped": "accent",
    "delivered": "good",
    "cancelled": "bad",
}


class OneView:
    """A single document on a page."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = {}
        self.stale = False
        self.as_of: Any = None
        self.as_of_clock = ""


class Pending(msgspec.Struct):
    """An order that this browser placed and its read model may not show yet."""

    order_id: str
    number: str
    total: str
    currency: str


class OrderPages:
    """The pages about orders."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._system = site.system

    async def index(self, request: Request) -> Response:
        """Orders, filtered and sorted; what was just placed is there at once."""
        visit = Visit.of(request, self._site)
        view = await self._view(visit, "/api/v1/orders")
        pending = _pending(request)
        if pending and any(item["orderId"] == pending.order_id for item in view.items):
            pending = None
        values = {"view": view, "badges": _BADGES, "pending": pending}
        return self._site.page(visit, "orders.html", values)

    async def one(self, request: Request) -> Response:
        """An order with its history and what can be done now."""
        return await self._one(Visit.of(request, self._site), request.path_params["order_id"], "")

    async def _one(self, visit: Visit, order_id: str, refusal: str, status: int = 200) -> Response:
        try:
            view = await self._document(visit, order_pages, order_id)
        except NotFound:
            pending = _pending(visit.request)
            if pending is None or pending.order_id != order_id:
                raise
            return self._site.page(visit, "saving.html", {"pending": pending})
        values = {
            "view": view,
            "order": view.document,
            "badges": _BADGES,
            "actions": possible(view.document, visit.caller),
            "key": self._key(),
            "refusal": refusal,
        }
        return self._site.page(visit, "order.html", values, status)

    async def act(self, request: Request) -> Response:
        """One step of an order; a refusal is shown where the button is."""
        visit = Visit.of(request, self._site)
        order_id = request.path_params["order_id"]
        form = await visit.form()
        try:
            command = _command(request.path_params["action"], OrderId(order_id), form)
            sent = Sent(caller=visit.caller, key=form.get("key", [""])[0])
            done = await self._system.send(command, sent)
        except (Refused, InvalidInput) as refused:
            return await self._one(visit, order_id, str(refused), 409)
        return visit.see(f"/orders/{order_id}", self._system, done.position)

    async def place(self, request: Request) -> Response:
        """The form for an order; all problems of it at once."""
        visit = Visit.of(request, self._site)
        if request.method == "GET":
            given = {"sku": [request.query_params.get("sku", "")], "quantity": ["1"]}
            return await self._form(visit, given, ())
        form = await visit.form()
        try:
            command = read_value(PlaceOrder, _placing(form), strict=False)
            sent = Sent(caller=visit.caller, key=form.get("key", [""])[0])
            done = await self._system.send(command, sent)
        except InvalidInput as invalid:
            return await self._form(visit, form, invalid.problems)
        response = visit.see(f"/orders/{done.identity}", self._system, done.position)
        answer = msgspec.json.decode(done.answer)
        pending = Pending(done.identity, answer["number"], answer["total"], answer["currency"])
        text = msgspec.json.encode(pending).hex()
        response.set_cookie(PENDING, text, max_age=_PENDING_SECONDS, httponly=True, samesite="lax")
        return response

    async def customer(self, request: Request) -> Response:
        """A customer with their last orders."""
        visit = Visit.of(request, self._site)
        view = await self._document(visit, customers, request.path_params["customer_id"])
        return self._site.page(visit, "customer.html", {"view": view, "customer": view.document})

    async def _form(
        self, visit: Visit, form: dict[str, list[str]], problems: tuple[Problem, ...]
    ) -> Response:
        route = self._route("/api/v1/products")
        parameters = {"status": ["active"], "size": ["200"]}
        asked = await visit.asked(self._system)
        view = await list_view(self._system, route, "/place", parameters, asked, "", "title")
        lines = list(zip(form.get("sku", []), form.get("quantity", []), strict=False))
        lines += [("", "")] * (_ROWS - len(lines))
        values = {
            "products": sorted(view.items, key=lambda item: str(item["title"])),
            "lines": lines,
            "form": defaultdict(str, {name: texts[0] for name, texts in form.items()}),
            "countries": COUNTRIES,
            "problems": problems,
            "errors": defaultdict(str, field_errors(problems)),
            "key": form.get("key", [self._key()])[0],
        }
        return self._site.page(visit, "place.html", values, 422 if problems else 200)

    async def _view(self, visit: Visit, path: str) -> Any:
        parameters = _parameters(visit.request)
        asked = await visit.asked(self._system)
        route = self._route(path)
        stale_route = msgspec.structs.replace(route, when_behind="serve-stale")
        return await list_view(
            self._system,
            stale_route,
            visit.request.url.path,
            parameters,
            asked,
            "status,country",
            "placedAt",
        )

    async def _document(self, visit: Visit, projection: Any, key: str) -> OneView:
        route = next(
            r
            for r in self._system.wired.routes
            if isinstance(r.target, OneOf) and r.target.projection is projection
        )
        route = msgspec.structs.replace(route, when_behind="serve-stale")
        found = await self._system.queries.one(route, key, await visit.asked(self._system))
        view = OneView()
        view.document = msgspec.json.decode(found.answer)
        view.stale = found.stale
        note_time(view, found.time_us, self._system.clock.now())
        return view

    def _route(self, path: str) -> Declared:
        return next(
            r for r in self._system.wired.routes if r.path == path and isinstance(r.target, PageOf)
        )

    def _key(self) -> str:
        """Made with the form, so that sending it twice is one order."""
        return self._system.chance.new_id(self._system.clock.now())


class Step(msgspec.Struct, frozen=True):
    """Something that can be done to an order; ``why_not`` says why it can't be now."""

    action: str
    label: str
    primary: bool = False
    why_not: str = ""


def possible(order: dict[str, Any], caller: Caller) -> list[Step]:
    """The steps that this caller may take, and those that are not possible yet."""
    status, roles = order["status"], caller.roles
    owner = order["customerId"] == caller.subject
    refundable = Decimal(order["captured"]) - Decimal(order["refunded"])
    steps = (
        ("confirm-payment", "Pay", {"service"}, True, ("pending-payment",)),
        (
            "start-processing",
            "Start processing",
            {"operations", "service"},
            False,
            ("payment-confirmed",),
        ),
        ("ship", "Ship", {"operations", "service"}, False, ("processing",)),
        ("deliver", "Mark delivered", {"operations", "service"}, False, ("shipped",)),
        (
            "cancel",
            "Cancel order",
            {"service"},
            True,
            ("pending-payment", "payment-confirmed", "processing"),
        ),
    )
    found = []
    for action, label, allowed, owners, states in steps:
        if not (allowed & roles or (owners and owner)):
            continue
        why = "" if status in states else f"not while it is {status.replace('-', ' ')}"
        found.append(Step(action, label, status in states and action != "cancel", why))
    if roles & {"finance", "service"}:
        why = "" if refundable > 0 else "nothing is left to refund"
        found.append(Step("refunds", "Refund", False, why))
    return found


def _command(action: str, order_id: OrderId, form: dict[str, list[str]]) -> Command:
    def field(name: str) -> str:
        return form.get(name, [""])[0].strip()

    match action:
        case "confirm-payment":
            return ConfirmPayment(order_id=order_id, reference="test gateway")
        case "start-processing":
            return StartProcessing(order_id=order_id)
        case "ship":
            return Ship(order_id=order_id, tracking=field("tracking"))
        case "deliver":
            return Deliver(order_id=order_id)
        case "cancel":
            return CancelOrder(order_id=order_id, reason=field("reason") or "changed my mind")
        case "refunds":
            reason = field("reason") or "goodwill"
            return Refund(order_id=order_id, amount=_amount(field("amount")), reason=reason)
    raise NotFound("step", action)


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text.replace(",", ""))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise InvalidInput([Problem("amount", "write the amount as a number, such as 12.50")])
    return amount


def _placing(form: dict[str, list[str]]) -> dict[str, Any]:
    lines = [
        {"sku": sku, "quantity": quantity}
        for sku, quantity in zip(form.get("sku", []), form.get("quantity", []), strict=False)
        if sku.strip()
    ]
    raw: dict[str, Any] = {"country": form.get("country", [""])[0], "lines": lines}
    customer = form.get("customerId", [""])[0].strip()
    return {**raw, "customerId": customer} if customer else raw


def _parameters(request: Request) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        found.setdefault(name, []).append(value)
    return found


def _pending(request: Request) -> Pending | None:
    try:
        raw = bytes.fromhex(request.cookies.get(PENDING, ""))
        return msgspec.json.decode(raw, type=Pending)
    except (ValueError, msgspec.MsgspecError):
        return None

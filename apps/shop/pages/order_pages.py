"""Orders as pages: the list, and one order with its history and what can be done."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from shop.modules.orders.drafts import ChangeDraft
from shop.pages.order_steps import STEPS, why_not
from twofold import Done, NotFound
from twofold.http.pages.freshness import Freshness
from twofold.http.pages.pending import Pending
from twofold.http.pages.site import Site
from twofold.http.pages.steps import Taken
from twofold.http.pages.visit import Visit

KIND = "order"
ONE = "/api/v1/orders/{orderId}"
_BADGES = {
    "draft": "",
    "pending-payment": "warn",
    "payment-confirmed": "accent",
    "processing": "accent",
    "shipped": "accent",
    "delivered": "good",
    "cancelled": "bad",
}


class OrderPages:
    """The pages about orders."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def index(self, request: Request) -> Response:
        """Orders, filtered and sorted; what the visitor just did is there at once, marked."""
        visit = Visit.of(request, self._site.security)
        view = await self._site.page_of(
            visit, "/api/v1/orders", facets="status,country", sort=("placedAt", "desc")
        )
        late = visit.pending(self._site.system, KIND, view.fresh)
        shown = {item["orderId"] for item in view.items}
        changed = {one.deed.identity: one for one in reversed(late)}
        values = {
            "view": view,
            "badges": _BADGES,
            "changed": changed,
            "added": [one for one in late if one.deed.new and one.deed.identity not in shown],
            "late": late,
        }
        return self._site.page(visit, "orders.html", values)

    async def one(self, request: Request) -> Response:
        """An order with its history and what can be done now."""
        visit = Visit.of(request, self._site.security)
        return await self._one(visit, request.path_params["order_id"])

    async def act(self, request: Request) -> Response:
        """One step of an order; what is wrong with it is shown where its button is."""
        visit = Visit.of(request, self._site.security)
        order_id, action = (request.path_params[name] for name in ("order_id", "action"))
        taken = await STEPS.take(self._site, visit, action, {"orderId": order_id})
        if taken.done is None:
            return await self._one(visit, order_id, taken)
        known = known_of(taken.done)
        deed = visit.deed(self._site.system, KIND, order_id, taken.step.done, taken.done, known)
        return visit.see(f"/orders/{order_id}", self._site.system, deed)

    async def _one(self, visit: Visit, order_id: str, taken: Taken | None = None) -> Response:
        try:
            found = await self._site.one(visit, ONE, order_id)
        except NotFound:
            return self._placed(visit, order_id)
        late = visit.pending(self._site.system, KIND, found.fresh, order_id)
        order, caller = found.content, visit.caller
        status = late[0].shown["status"] if late else order["status"]
        owner = order["customerId"] == caller.subject
        whys = why_not(order, status, late)
        forms = taken.forms if taken else {}
        values: dict[str, Any] = {
            "order": order,
            "fresh": found.fresh,
            "late": late,
            "status": status,
            "badges": _BADGES,
            "editable": status == "draft" and self._site.may(ChangeDraft, caller, owner=owner),
            "offered": STEPS.offered(self._site, caller, whys, owner=owner, forms=forms),
            "key": self._site.new_key(),
            "refusal": taken.refusal if taken else None,
        }
        return self._site.page(visit, "order.html", values, taken.code if taken else 200)

    def _placed(self, visit: Visit, order_id: str) -> Response:
        """An order that was just placed and has not arrived. Raises NotFound for any other."""
        known = Freshness("catching-up")
        late: list[Pending] = visit.pending(self._site.system, KIND, known, order_id)
        placed = [one for one in late if one.deed.new]
        if not placed:
            raise NotFound("order", order_id)
        values = {"late": placed, "fresh": known, "order_id": order_id}
        return self._site.page(visit, "order_placed.html", values)


def known_of(done: Done) -> dict[str, str]:
    """What the answer to an order's command tells: id, number, status, total, currency."""
    return msgspec.json.decode(done.answer, type=dict[str, str])

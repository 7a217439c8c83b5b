"""Orders as pages: the list, one order with its history and what can be done, and a customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shop.modules.orders.drafts import ChangeDraft
from shop.pages.order_steps import STEPS, why_not
from twofold.http.pages.document_page import DocumentPage, Shown
from twofold.http.pages.forms import Field
from twofold.http.pages.list_page import Chips, Column, ListPage
from twofold.http.pages.site import Site
from twofold.http.pages.subject import Subject
from twofold.http.pages.visit import Visit

ORDER = Subject("order", "orderId", "/orders", "/api/v1/orders/{orderId}", "customerId")
_CUSTOMER = Subject("customer", "customerId", "/customers", "/api/v1/customers/{customerId}")


async def _editable(site: Site, visit: Visit, shown: Shown) -> Mapping[str, Any]:
    may = site.may(ChangeDraft, visit.caller, owner=shown.own)
    return {"editable": shown.status == "draft" and may}


PAGES = (
    ListPage(
        subject=ORDER,
        template="orders.html",
        title="Orders",
        query="/api/v1/orders",
        columns=(
            Column("Order", "number"),
            Column("Status"),
            Column("Placed", "placedAt"),
            Column("Customer"),
            Column("Country"),
            Column("Products"),
            Column("Total", "total", number=True),
        ),
        sorts=(("placedAt", "Placed"), ("total", "Total"), ("number", "Number")),
        descending=True,
        search="Number, customer, product",
        filters=(Field("from", "From", kind="date"), Field("to", "To", kind="date")),
        chips=(Chips("Status", "status", shown=9), Chips("Country", "country", shown=6)),
        begin=("Place the first one", "/place"),
        wide=False,
    ),
    DocumentPage(
        subject=ORDER,
        template="order.html",
        steps=STEPS,
        why_not=why_not,
        more=_editable,
        arriving="order_arriving.html",
    ),
    DocumentPage(subject=_CUSTOMER, template="customer.html"),
)

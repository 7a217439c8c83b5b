"""Orders: everything that can be done."""

from __future__ import annotations

from shop.modules.orders.domain import (
    CancelOrder,
    ConfirmPayment,
    Deliver,
    PlaceOrder,
    Refund,
    Ship,
    StartProcessing,
)
from shop.modules.orders.drafts import ChangeDraft, DraftOrder, PlaceDraft
from shop.modules.orders.placing import placing
from shop.modules.orders.views import order_pages, orders
from twofold import Fresh, Module, get, own, post, put, role

SERVICE = role("service")
STAFF = role("service", "operations", "finance")
WAREHOUSE = role("operations", "service")
PLACING = role("service") | own
_ORDER = "/api/v1/orders/{orderId}"

module = Module(
    "orders",
    placing,
    orders,
    order_pages,
    post("/api/v1/orders", PlaceOrder, may=PLACING),
    post("/api/v1/orders/drafts", DraftOrder, may=PLACING),
    put(_ORDER, ChangeDraft, may=PLACING),
    post(f"{_ORDER}/place", PlaceDraft, may=PLACING),
    post(f"{_ORDER}/confirm-payment", ConfirmPayment, may=SERVICE | own),
    post(f"{_ORDER}/start-processing", StartProcessing, may=WAREHOUSE),
    post(f"{_ORDER}/ship", Ship, may=WAREHOUSE),
    post(f"{_ORDER}/deliver", Deliver, may=WAREHOUSE),
    post(f"{_ORDER}/cancel", CancelOrder, may=SERVICE | own),
    post(f"{_ORDER}/refunds", Refund, may=role("finance", "service")),
    get("/api/v1/orders", orders.page, may=STAFF | own),
    get(_ORDER, order_pages.one, may=STAFF | own, fresh=Fresh(seconds=0.2, share=0.99)),
)

"""What can be done with an order, and why it can't be done now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from shop.modules.orders.contracts import OrderStatus
from shop.modules.orders.domain import (
    CancelOrder,
    ConfirmPayment,
    Deliver,
    Refund,
    Ship,
    StartProcessing,
)
from shop.modules.orders.drafts import PlaceDraft
from twofold.http.pages.document_page import Shown
from twofold.http.pages.forms import Field
from twofold.http.pages.steps import Step, Steps

S = OrderStatus
_REASON = "Reason"
_TRACKING = Field("tracking", "Tracking number", "If there is one")

STEPS = Steps(
    Step("place", "Place order", "Placed", PlaceDraft),
    Step("confirm-payment", "Pay", "Paid", ConfirmPayment, fixed={"reference": "test gateway"}),
    Step("start-processing", "Start processing", "Processing started", StartProcessing),
    Step("ship", "Ship", "Shipped", Ship, (_TRACKING,)),
    Step("deliver", "Mark delivered", "Delivered", Deliver),
    Step(
        "refunds",
        "Refund",
        "Refunded",
        Refund,
        (
            Field("amount", "Amount", "A part or all of what was captured", "decimal"),
            Field("reason", _REASON, default="goodwill"),
        ),
    ),
    Step(
        "cancel",
        "Cancel order",
        "Cancelled",
        CancelOrder,
        (Field("reason", _REASON, "What was paid goes back", default="changed my mind"),),
        danger=True,
    ),
)
_STATES = {
    "place": (S.DRAFT,),
    "confirm-payment": (S.PENDING_PAYMENT,),
    "start-processing": (S.PAYMENT_CONFIRMED,),
    "ship": (S.PROCESSING,),
    "deliver": (S.SHIPPED,),
}
_BEFORE_SHIPPED = (S.DRAFT, S.PENDING_PAYMENT, S.PAYMENT_CONFIRMED, S.PROCESSING)


def why_not(shown: Shown) -> dict[str, str]:
    """For each step why it is not possible, "" if it is; none for an invoice from elsewhere."""
    status = shown.status
    if status not in {known.value for known in S}:
        return {}
    whys = {action: _only_while(states, status) for action, states in _STATES.items()}
    late = "as soon as your last step is shown here"
    whys["refunds"] = late if shown.late else _refundable(shown.content)
    whys["cancel"] = "" if status in _BEFORE_SHIPPED else "only before it is shipped"
    return whys


def _only_while(states: Sequence[OrderStatus], status: str) -> str:
    possible = " or ".join(state.value.replace("-", " ") for state in states)
    return "" if status in states else f"only while it is {possible}"


def _refundable(order: Mapping[str, Any]) -> str:
    left = Decimal(order["captured"]) - Decimal(order["refunded"])
    return "" if left > 0 else "nothing is left to refund"

"""What can be done with an order, and the commands that forms of these steps stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from shop.modules.orders.contracts import OrderId, OrderStatus
from shop.modules.orders.domain import (
    CancelOrder,
    ConfirmPayment,
    Deliver,
    Refund,
    Ship,
    StartProcessing,
)
from twofold import Caller, Command, NotFound
from twofold.errors import InvalidInput, Problem
from twofold.http.pages.forms import Form
from twofold.http.pages.pending import Pending
from twofold.http.pages.site import Site
from twofold.messages.validation import read_value

S = OrderStatus
_LIFE = frozenset(status.value for status in OrderStatus)


class Step(msgspec.Struct, frozen=True):
    """A step of an order: the command it stands for and the states it is possible in.

    ``done`` says what it did; ``fields`` tells that it asks something first.
    """

    action: str
    label: str
    done: str
    command: type[Command]
    states: tuple[OrderStatus, ...]
    only: str = ""
    fields: bool = False


class Offer(msgspec.Struct, frozen=True):
    """A step offered to somebody; ``why_not`` says why it is not possible now."""

    step: Step
    why_not: str
    primary: bool


STEPS = (
    Step("confirm-payment", "Pay", "Paid", ConfirmPayment, (S.PENDING_PAYMENT,)),
    Step(
        "start-processing",
        "Start processing",
        "Processing started",
        StartProcessing,
        (S.PAYMENT_CONFIRMED,),
    ),
    Step("ship", "Ship", "Shipped", Ship, (S.PROCESSING,), fields=True),
    Step("deliver", "Mark delivered", "Delivered", Deliver, (S.SHIPPED,)),
    Step("refunds", "Refund", "Refunded", Refund, (), fields=True),
    Step(
        "cancel",
        "Cancel order",
        "Cancelled",
        CancelOrder,
        (S.PENDING_PAYMENT, S.PAYMENT_CONFIRMED, S.PROCESSING),
        only="only before it is shipped",
        fields=True,
    ),
)


def offered(
    site: Site, order: Mapping[str, Any], caller: Caller, late: Sequence[Pending]
) -> list[Offer]:
    """The steps that the caller may take in principle; none for an invoice from elsewhere."""
    status = late[0].shown["status"] if late else order["status"]
    if status not in _LIFE:
        return []
    owner = order["customerId"] == caller.subject
    allowed = [step for step in STEPS if site.may(step.command, caller, owner=owner)]
    whys = [(step, _why_not(step, status, order, late)) for step in allowed]
    first = next((step for step, why in whys if not why and step.states), None)
    return [Offer(step, why, step is first and not step.fields) for step, why in whys]


def _why_not(step: Step, status: str, order: Mapping[str, Any], late: Sequence[Pending]) -> str:
    if step.states:
        possible = [state.value.replace("-", " ") for state in step.states]
        only = step.only or f"only while it is {' or '.join(possible)}"
        return "" if status in step.states else only
    if late:
        return "as soon as your last step is shown here"
    refundable = Decimal(order["captured"]) - Decimal(order["refunded"])
    return "" if refundable > 0 else "nothing is left to refund"


def step_named(action: str) -> Step:
    """The step of an address. Raises NotFound."""
    found = next((step for step in STEPS if step.action == action), None)
    if found is None:
        raise NotFound("step", action)
    return found


def command_of(step: Step, order_id: OrderId, form: Form) -> Command:
    """The command that a step's form stands for. Raises InvalidInput."""
    reason = form.value("reason").strip()
    if step.command is Refund:
        _check_amount(form.value("amount"))
        amount = form.value("amount").replace(",", "").strip()
        raw = {"amount": amount, "reason": reason or "goodwill"}
    elif step.command is CancelOrder:
        raw = {"reason": reason or "changed my mind"}
    elif step.command is Ship:
        raw = {"tracking": form.value("tracking").strip()}
    else:
        raw = {"reference": "test gateway"} if step.command is ConfirmPayment else {}
    return read_value(step.command, raw, given={"orderId": order_id}, strict=False)


def _check_amount(text: str) -> None:
    try:
        finite = Decimal(text.replace(",", "").strip()).is_finite()
    except InvalidOperation:
        finite = False
    if not finite:
        raise InvalidInput([Problem("amount", "write it as a number, such as 12.50")])

"""Discount codes as offer managers see them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from training.modules.offers.contracts import (
    BookingId,
    DiscountCode,
    DiscountEvent,
    DiscountIssued,
    DiscountRedeemed,
    DiscountReturned,
)
from twofold import Facet, Filter, Key, Parameter, Projection, ReadModel, Recorded, Search, Sort


class CodeStatus(StrEnum):
    """Whether a code can be used."""

    UNUSED = "unused"
    USED = "used"


class DiscountRow(ReadModel):
    """A discount code; ``version`` is that of its last event in it."""

    code: Key[DiscountCode]
    text: Sort[Search[str]] = ""
    status: Facet[CodeStatus] = CodeStatus.UNUSED
    booking_id: Annotated[Filter[BookingId | None], Parameter("booking")] = None
    issued_by: str = ""
    issued_at: Sort[datetime | None] = None
    used_at: datetime | None = None
    version: int = 0


discounts = Projection(DiscountRow, name="discount")


@discounts.on
def changed(row: DiscountRow | None, event: DiscountEvent, meta: Recorded) -> DiscountRow:
    """What happened to a code; what comes again changes nothing."""
    row = row or DiscountRow(code=DiscountCode(meta.stream_id), text=meta.stream_id)
    if meta.version <= row.version:
        return row
    row = row.but(version=meta.version)
    match event:
        case DiscountIssued():
            return row.but(issued_by=meta.actor, issued_at=meta.time)
        case DiscountRedeemed():
            return row.but(status=CodeStatus.USED, booking_id=event.booking_id, used_at=meta.time)
        case DiscountReturned():
            return row.but(status=CodeStatus.UNUSED, booking_id=None, used_at=None)

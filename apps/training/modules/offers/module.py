"""Offers: what can be booked, and bookings."""

from __future__ import annotations

from training.modules.offers.answering import whole_offer
from training.modules.offers.booking import (
    BookPlace,
    CancelBooking,
    ConfirmBooking,
    DenyDiscount,
    ExpirePlace,
    GrantDiscount,
)
from training.modules.offers.booking import booking as bookings
from training.modules.offers.discount import (
    IssueDiscount,
    RedeemDiscount,
    ReturnDiscount,
    discount,
)
from training.modules.offers.lifecycle import (
    CancelOffer,
    ChangePrice,
    CloseOffer,
    DraftOffer,
    PublishOffer,
    ReachDeadline,
    RescheduleOffer,
    UpdateOffer,
)
from training.modules.offers.processes import booking, selling
from twofold import Module, internal, own, post, put, role

MANAGER = role("manager", "admin")
PARTICIPANT = (role("participant") & own) | role("admin")
SYSTEM = role("system")
_OFFER = "/api/offers/{offerId}"
_BOOKING = "/api/bookings/{bookingId}"

module = Module(
    "offers",
    whole_offer,
    bookings,
    discount,
    selling,
    booking,
    post("/api/offers", DraftOffer, may=MANAGER),
    put(_OFFER, UpdateOffer, may=MANAGER),
    post(f"{_OFFER}/publish", PublishOffer, may=MANAGER),
    post(f"{_OFFER}/reschedule", RescheduleOffer, may=MANAGER),
    post(f"{_OFFER}/change-price", ChangePrice, may=MANAGER),
    post(f"{_OFFER}/close", CloseOffer, may=MANAGER),
    post(f"{_OFFER}/cancel", CancelOffer, may=MANAGER),
    post(f"{_OFFER}/bookings", BookPlace, may=PARTICIPANT),
    post(f"{_BOOKING}/confirm", ConfirmBooking, may=PARTICIPANT),
    post(f"{_BOOKING}/cancel", CancelBooking, may=PARTICIPANT),
    post("/api/discounts", IssueDiscount, may=MANAGER),
    internal(ReachDeadline, may=SYSTEM),
    internal(ExpirePlace, may=SYSTEM),
    internal(GrantDiscount, may=SYSTEM),
    internal(DenyDiscount, may=SYSTEM),
    internal(RedeemDiscount, may=SYSTEM),
    internal(ReturnDiscount, may=SYSTEM),
)

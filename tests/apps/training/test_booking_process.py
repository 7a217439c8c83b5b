"""The booking process: every order in which its messages and its timer can come."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest

from tests.apps.training.arriving import arrivals
from tests.apps.training.examples import booked, published_offer
from tests.apps.training.offers_past import ANN, HELD_UNTIL, ID, PUBLISHED, TENTH, confirmed, held
from training.main import app
from training.modules.offers import processes
from training.modules.offers.booking import DenyDiscount, ExpirePlace, GrantDiscount
from training.modules.offers.contracts import (
    DiscountRedeemed,
    ParticipantId,
    PlaceReleased,
    Places,
    Released,
)
from training.modules.offers.discount import CodeUsed, RedeemDiscount, ReturnDiscount
from training.modules.offers.processes import BookingProgress, HoldExpired
from twofold import Command, Then
from twofold.testing import site

HELD = held(ANN, TENTH)
CONFIRMED = confirmed(ANN)[1]
RELEASED = PlaceReleased(
    program_id=PUBLISHED.program_id,
    booking_id=ANN,
    participant=ParticipantId(ANN),
    why=Released.CANCELLED,
    refund=PUBLISHED.price,
    currency="EUR",
    places=Places(),
)
REDEEMED = DiscountRedeemed(booking_id=ANN)
REFUSED = "the code was refused"
DUE = HoldExpired(booking_id=ANN, until=HELD_UNTIL)
REDEEM = RedeemDiscount(code=TENTH, booking_id=ANN)
META = {type(event): recorded for recorded, event in arrivals(f"offer:{ID}", HELD)}


class Instance:
    """One instance, told of things one after the other, as the runtime would."""

    def __init__(self) -> None:
        self.state: BookingProgress | None = None
        self.timer = False
        self.sent: list[Command] = []

    def told(self, what: Any) -> None:
        """Take a step."""
        then = self._reaction(what)
        if then is None:
            return
        self.state = then.state
        self.sent += then.commands
        for change in then.timers:
            self.timer = not isinstance(change.timer, type)
        if self.state is None:
            self.timer = False

    def _reaction(self, what: Any) -> Then[BookingProgress] | None:
        if what is HELD:
            return processes.held(self.state, HELD, META[type(HELD)])
        if self.state is None:
            return None
        if what is CONFIRMED:
            return processes.confirmed(self.state, CONFIRMED)
        if what is RELEASED:
            return processes.released(self.state, RELEASED)
        if what is REDEEMED:
            return processes.redeemed(self.state, REDEEMED)
        if what is REFUSED:
            return processes.not_redeemed(self.state, REDEEM, CodeUsed("used before"))
        # A timer that was cancelled does not come.
        return processes.expired(self.state, DUE) if self.timer else None

    def kinds(self) -> list[type]:
        """What was sent after asking for the code."""
        return [type(command) for command in self.sent[1:]]


def orders(*messages: Any) -> Iterator[list[Any]]:
    """Every order; nothing is released before it is held or confirmed after it was released."""
    for order in permutations(messages):
        wrong = (
            CONFIRMED in order
            and RELEASED in order
            and order.index(CONFIRMED) > order.index(RELEASED)
        )
        if not wrong:
            yield [HELD, *order]


def test_the_discount_is_granted_and_given_back_in_every_order() -> None:
    for messages in ((REDEEMED, RELEASED), (REDEEMED, RELEASED, CONFIRMED, DUE)):
        for order in orders(*messages):
            instance = Instance()
            for message in order:
                instance.told(message)
            kinds = [kind for kind in instance.kinds() if kind is not ExpirePlace]
            late = order.index(REDEEMED) > order.index(RELEASED)
            assert kinds == ([ReturnDiscount] if late else [GrantDiscount, ReturnDiscount]), order
            assert instance.state is None


def test_a_refused_code_is_denied_unless_the_booking_is_over() -> None:
    for order in orders(REFUSED, RELEASED, DUE):
        instance = Instance()
        for message in order:
            instance.told(message)
        kinds = [kind for kind in instance.kinds() if kind is not ExpirePlace]
        late = order.index(REFUSED) > order.index(RELEASED)
        assert kinds == ([] if late else [DenyDiscount]), order
        assert instance.state is None


def test_a_confirmed_place_does_not_expire_and_keeps_its_code() -> None:
    for order in orders(REDEEMED, CONFIRMED):
        instance = Instance()
        for message in (*order, DUE):
            instance.told(message)
        assert instance.kinds() == [GrantDiscount]
        assert instance.state is not None
        assert instance.state.redeemed


def test_what_comes_after_the_end_begins_nothing() -> None:
    instance = Instance()
    for message in (HELD, REDEEMED, RELEASED, RELEASED, CONFIRMED, REDEEMED, REFUSED, DUE):
        instance.told(message)
    assert instance.state is None
    assert instance.kinds() == [GrantDiscount, ReturnDiscount]


ACTIONS = {
    "confirm": lambda web, path, offer: web.post(f"{path}/confirm", {}, by="participant"),
    "cancel": lambda web, path, offer: web.post(f"{path}/cancel", {}, by="participant"),
    "ten minutes pass": lambda web, path, offer: web.wait(601),
    "the offer is closed": lambda web, path, offer: web.post(
        f"/api/offers/{offer}/close", {}, by="manager"
    ),
}


@pytest.mark.parametrize("order", list(permutations(ACTIONS, 3)), ids=", ".join)
@pytest.mark.parametrize("pause", [0, 1])
def test_place_and_code_are_used_or_free_whatever_happens(order: Any, pause: int) -> None:
    with site(app, seed=pause) as web:
        offer_id = published_offer(web, maximumParticipants=1)
        other = published_offer(web)
        web.post("/api/discounts", {"code": TENTH}, by="manager")
        booking_id = booked(web, offer_id, discountCode=TENTH)["bookingId"]
        path = f"/api/bookings/{booking_id}"
        for action in order:
            ACTIONS[action](web, path, offer_id)
            web.wait(pause)
        web.wait(700)
        status = web.get(path, by="participant").json["status"]
        places = web.get(f"/api/offers/{offer_id}", by="manager").json["places"]
        again = web.post(
            f"/api/offers/{other}/bookings", {"discountCode": TENTH}, by="participant2"
        )
        if status == "confirmed":
            assert (places["confirmed"], again.status) == (1, 409)
        else:
            assert status in ("cancelled", "expired")
            assert (places["confirmed"], places["held"], again.status) == (0, 0, 200)

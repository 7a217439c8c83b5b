"""Differences of long lists tell items, for people; for programs they have both sides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import twofold as tf
from tests.bookings import BookingId, OfferId, PlaceHeld, PlaceReleased, Published, app
from tests.http.test_console import OPERATOR, posted
from tests.http.test_console_explaining import opened, texts
from twofold import RuntimeSettings
from twofold.ops.commands.parked import _print_document
from twofold.ops.commands.proof import verified_text
from twofold.runtime.listed import SHOWN
from twofold.runtime.parking.views import DocumentView, FieldView
from twofold.runtime.verification import Difference, Verified
from twofold.testing import Site, site

SEATS = 40
BROKEN = {"on": False}
WHICH = {"projection": "plan", "sequence": "document:o"}


class Seat(tf.Value):
    booking_id: BookingId
    row: int = 1


class Plan(tf.ReadModel):
    """Who sits where."""

    offer_id: tf.Key[OfferId]
    places: int
    seats: tuple[Seat, ...] = ()


plans = tf.Projection(Plan)


@plans.on
def drawn(plan: Plan | None, event: Published, meta: tf.Recorded) -> Plan:
    return Plan(offer_id=OfferId(meta.stream_id), places=event.places)


@plans.on
def seated(plan: Plan, event: PlaceHeld) -> Plan:
    if BROKEN["on"]:
        raise ValueError("no chair")
    return plan.but(seats=(*plan.seats, Seat(booking_id=event.booking_id)))


@plans.on
def left(plan: Plan, event: PlaceReleased) -> Plan:
    return plan.but(seats=tuple(one for one in plan.seats if one.booking_id != event.booking_id))


@pytest.fixture
def web() -> Iterator[Site]:
    seating = tf.Application("seating", *app.modules, tf.Module("plans", plans))
    with site(seating, settings=RuntimeSettings(parked_attempts=1)) as running:
        running.post("/offers", {"offerId": "o", "places": 2 * SEATS})
        for number in range(SEATS):
            book(running, number)
        running.wait(1)
        yield running
    BROKEN["on"] = False


def book(web: Site, number: int) -> None:
    web.post("/bookings", {"bookingId": f"b-{number}", "offerId": "o"})


def test_a_fold_tells_what_it_added_and_nothing_else(web: Site) -> None:
    page = opened(web, "/documents", projection="plan", key="o")
    assert "1 came, 39 as before" in texts(page)
    assert 'colspan="2"' in page
    steps = web.get("/explain/document", {"projection": "plan", "key": "o"}, **OPERATOR).json
    (field,) = steps["steps"][0]["change"]["fields"]
    assert (len(field["before"]), len(field["after"])) == (SEATS - 1, SEATS)


def test_a_dry_run_tells_which_items_would_come(web: Site) -> None:
    BROKEN["on"] = True
    for number in range(SEATS, SEATS + 30):
        book(web, number)
    web.wait(1)
    BROKEN["on"] = False
    page = texts(posted(web, "/parked/dry-run", WHICH, **OPERATOR).text)
    assert "30 came, 40 as before" in page
    assert f"came b-{SEATS}" in page
    assert f"and {30 - SHOWN} more" in page
    assert "b-12" not in page


def seats(*numbers: int, **changed: Any) -> list[dict[str, Any]]:
    return [{"bookingId": f"b-{n}", "row": changed.get(f"b{n}", 1)} for n in numbers]


def test_the_command_line_tells_items_of_a_dry_run(capsys: pytest.CaptureFixture[str]) -> None:
    fields = (
        FieldView("places", 3, 4),
        FieldView("seats", seats(*range(9)), seats(*range(1, 10), b3=2)),
    )
    _print_document(DocumentView("o", "changed", fields))
    assert capsys.readouterr().out.splitlines() == [
        "  o: changed",
        "    places: 3 → 4",
        "    seats: 1 came, 1 went, 1 changed, 7 as before",
        '      - b-0: {"bookingId":"b-0","row":1}',
        '      ~ b-3: {"row":1} → {"row":2}',
        '      + b-9: {"bookingId":"b-9","row":1}',
    ]


def test_verification_tells_items_that_differ_from_the_log() -> None:
    sides = (seats(*range(30)), seats(*range(5)))
    one = Difference("plan", "o", "changed", 7, {"places": (3, 4), "seats": sides})
    lines = verified_text(Verified("plan", 1, 7, (one,), 0)).splitlines()
    assert lines[1] == "  o: changed (event 7) places is 4, the log says 3"
    assert lines[2] == ("    seats, from what the log says to what is there: 25 went, 5 as before")
    assert lines[3] == '      - b-5: {"bookingId":"b-5","row":1}'
    assert lines[-1] == "      … and 5 more"

"""Whatever the order in which events arrive, and however often: the same documents."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.apps.training.arriving import (
    BOOKED_STREAM,
    OFFER_STREAM,
    OTHER_STREAM,
    PROGRAM_STREAM,
    Arrived,
    arrivals,
    documents,
    merged,
    stored,
)
from tests.apps.training.offers_past import DRAFTED, PUBLISHED
from training.modules.catalogue.bookings import bookings
from training.modules.catalogue.offers import desk, offers
from training.modules.catalogue.portfolio import portfolio, program_pages
from twofold import Projection
from twofold.testing.virtual_time import run_virtual

CATALOGUE: list[Projection[Any]] = [offers, desk, portfolio, program_pages]
ALL = [*PROGRAM_STREAM, *BOOKED_STREAM, *OTHER_STREAM]
names = pytest.mark.parametrize("projection", CATALOGUE, ids=lambda one: one.name)


@names
async def test_every_permutation_of_a_program_and_its_offer_comes_out_the_same(
    projection: Projection[Any],
) -> None:
    events = [*PROGRAM_STREAM, *OFFER_STREAM[:3]]
    expected = await stored(projection, events)
    for order in permutations(events):
        assert await stored(projection, order, batch=6) == expected


@names
@pytest.mark.parametrize("batch", [1, 100])
async def test_every_order_of_the_streams_comes_out_the_same(
    projection: Projection[Any], batch: int
) -> None:
    expected = await stored(projection, [*PROGRAM_STREAM, *OFFER_STREAM, *OTHER_STREAM])
    for order in merged(PROGRAM_STREAM, OFFER_STREAM, OTHER_STREAM[:1]):
        got = await stored(projection, [*order, *OTHER_STREAM[1:]], batch=batch)
        assert got == expected


async def test_every_order_of_the_streams_leaves_the_same_bookings() -> None:
    expected = await stored(bookings, [*PROGRAM_STREAM, *BOOKED_STREAM])
    assert b'"title":"Safer lifting"' in expected["ann"]
    for order in merged(PROGRAM_STREAM, BOOKED_STREAM):
        assert await stored(bookings, order, batch=4) == expected


@names
async def test_what_comes_again_changes_nothing(projection: Projection[Any]) -> None:
    expected = await stored(projection, ALL)
    for index, again in enumerate(ALL):
        repeated = [*ALL[: index + 1], again, *ALL[index + 1 :], again]
        assert await stored(projection, repeated, batch=5) == expected


async def test_a_booking_that_comes_again_changes_nothing() -> None:
    expected = await stored(bookings, ALL)
    for again in ALL:
        assert await stored(bookings, [*ALL, again, again]) == expected


SHUFFLED = st.permutations([*ALL, *ALL[::2]])


@names
@settings(max_examples=60, deadline=None)
@given(order=SHUFFLED, batch=st.integers(1, 20))
def test_any_order_with_repetitions_comes_out_the_same(
    projection: Projection[Any], order: list[Arrived], batch: int
) -> None:
    async def compared() -> None:
        expected = await stored(projection, ALL)
        assert await stored(projection, order, batch=batch) == expected

    run_virtual(compared)


class Arriving(RuleBasedStateMachine):
    """Streams that are delivered step by step, with redelivery of anything delivered before."""

    def __init__(self) -> None:
        super().__init__()
        self.streams = [PROGRAM_STREAM, BOOKED_STREAM, OTHER_STREAM]
        self.next = [0, 0, 0]
        self.arrived: list[Arrived] = []

    @rule(stream=st.integers(0, 2))
    def deliver(self, stream: int) -> None:
        if self.next[stream] < len(self.streams[stream]):
            self.arrived.append(self.streams[stream][self.next[stream]])
            self.next[stream] += 1

    @rule(which=st.integers(0, 30))
    def deliver_again(self, which: int) -> None:
        if self.arrived:
            self.arrived.append(self.arrived[which % len(self.arrived)])

    @invariant()
    def documents_are_those_of_the_streams(self) -> None:
        in_order = [
            event
            for stream, reached in zip(self.streams, self.next, strict=True)
            for event in stream[:reached]
        ]

        async def compared() -> None:
            for projection in (*CATALOGUE, bookings):
                expected = await stored(projection, in_order, batch=100)
                assert await stored(projection, self.arrived, batch=100) == expected

        run_virtual(compared)


Arriving.TestCase.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
test_streams_delivered_step_by_step = Arriving.TestCase


async def test_an_offer_before_its_program_is_pending_and_heals() -> None:
    early = await documents(offers, OFFER_STREAM)
    card = early["o-1"]
    assert (card.details_pending, card.title, card.listed) == (True, "", True)
    healed = (await documents(offers, [*OFFER_STREAM, *PROGRAM_STREAM]))["o-1"]
    assert (healed.details_pending, healed.title) == (False, "Safer lifting")
    kept = (await documents(portfolio, OFFER_STREAM))["p-1"]
    assert kept.listed is False


async def test_an_offer_has_the_places_that_are_left() -> None:
    left = [
        (await documents(offers, BOOKED_STREAM[:reached]))["o-1"].places_left
        for reached in range(1, len(BOOKED_STREAM) + 1)
    ]
    assert left == [0, 2, 1, 1, 0, 0, 0, 0, 1, 0]


async def test_a_program_counts_what_its_offers_come_to() -> None:
    card = (await documents(portfolio, ALL))["p-1"]
    assert (card.places_left, card.free_places, card.popularity) == (2, True, 0)
    assert str(card.price) == "450.00"
    assert card.next_begins == PUBLISHED.begins
    booked = (await documents(portfolio, BOOKED_STREAM[:8]))["p-1"]
    assert (booked.popularity, str(booked.price)) == (1, "400.00")


async def test_the_manager_is_told_which_open_offers_lost_their_program() -> None:
    row = (await documents(desk, [*OFFER_STREAM, *PROGRAM_STREAM]))["o-1"]
    assert (row.lost_program, row.below_minimum, row.listed) == (True, True, True)
    draft = arrivals("offer:o-3", DRAFTED)
    rows = await documents(desk, [*PROGRAM_STREAM, *draft])
    assert (rows["o-3"].lost_program, rows["o-3"].listed) == (False, True)
    assert rows["program:p-1"].listed is False

"""The console explains: how a row came about, what came of a request, what processes do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

import twofold as tf
from tests.bookings import Published, app
from tests.http.test_console import OPERATOR, WHICH, Mendable, posted
from twofold import RuntimeSettings
from twofold.ports.inbox import Rejected
from twofold.runtime.audit import AuditTrail, _Begun
from twofold.runtime.explaining.causes import Causes
from twofold.runtime.explaining.history import DocumentHistory
from twofold.runtime.explaining.history_views import HistoryView
from twofold.testing import Site, site


@pytest.fixture
def web() -> Iterator[Site]:
    with site(app) as running:
        running.post("/offers", {"offerId": "o", "places": 1})
        first = running.post(
            "/bookings", {"bookingId": "a", "offerId": "o"}, headers={"x-request-id": "the-first"}
        )
        assert first.status in (200, 201)
        running.wait(1)
        running.post("/bookings", {"bookingId": "b", "offerId": "o"})
        running.wait(1)
        yield running


def opened(web: Site, path: str, **query: object) -> str:
    """A page of the console."""
    answer = web.get(f"/console{path}", query, **OPERATOR)
    assert answer.status == 200, answer.text
    return answer.text


def history(web: Site, projection: str, key: str, **options: Any) -> HistoryView:
    """A document's history."""
    return web.run(DocumentHistory(web.system).show(projection, key, **options))


PAGES = [
    "/documents",
    "/documents?projection=offer_row",
    "/documents?projection=offer_row&key=o",
    "/causes",
    "/causes?event=1",
    "/processes",
    "/processes?process=holding",
    "/processes/instance?process=holding&key=a",
    "/messages",
    "/audit",
]


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_for_operators(web: Site, path: str) -> None:
    assert web.get(f"/console{path}").status == 401
    assert web.get(f"/console{path}", by="ann", roles=["customer"]).status == 403
    assert web.get(f"/console{path}", **OPERATOR).status == 200


def test_a_row_is_explained_event_by_event(web: Site) -> None:
    found = history(web, "offer_row", "o")
    assert found.explained
    assert [(step.event, step.outcome) for step in found.steps] == [
        ("offer.PlaceHeld", "applied"),
        ("offer.Published", "applied"),
    ]
    held, published = found.steps
    assert held.change is not None
    assert [(one.name, one.before, one.after) for one in held.change.fields] == [("held", 0, 1)]
    assert published.change is not None
    assert published.change.what == "created"
    page = opened(web, "/documents", projection="offer_row", key="o")
    assert "The row is explained" in page
    assert f"/console/causes?event={held.position}" in page


def test_what_changed_behind_our_back_is_not_explained(web: Site) -> None:
    async def tamper() -> None:
        store, table = web.system.read_store, web.system.tables["offer_row"]
        row = await store.row(table, "o")
        assert row is not None
        forged = changed_row(row, document=row.document.replace(b'"places":1', b'"places":9'))
        async with store.transaction() as transaction:
            await transaction.hold(table)
            await transaction.write(table, [forged], [])

    web.run(tamper())
    found = history(web, "offer_row", "o")
    assert not found.explained
    assert found.unexplained is not None
    (field,) = found.unexplained.fields
    assert (field.name, field.before, field.after) == ("places", 1, 9)
    assert "not explained" in opened(web, "/documents", projection="offer_row", key="o")


def changed_row(row: Any, **changed: Any) -> Any:
    """A row with other content."""
    return type(row)(**{name: getattr(row, name) for name in row.__struct_fields__} | changed)


def test_a_long_history_comes_in_pages_and_is_explained_on_each() -> None:
    with site(app) as other:
        other.post("/offers", {"offerId": "o", "places": 60})
        for number in range(40):
            other.post("/bookings", {"bookingId": f"b{number}", "offerId": "o"})
        other.wait(2)
        first = history(other, "offer_row", "o", size=25)
        second = history(other, "offer_row", "o", size=25, page=1)
        assert (first.total, len(first.steps), len(second.steps)) == (41, 25, 16)
        assert first.explained
        assert second.explained
        assert second.steps[-1].event == "offer.Published"
        assert first.steps[0].position > second.steps[0].position
        assert "Older" in opened(other, "/documents", projection="offer_row", key="o")
        assert "Newer" in opened(other, "/documents", projection="offer_row", key="o", page=1)


def test_events_that_wait_are_told_and_not_folded() -> None:
    with site(app, settings=RuntimeSettings(parked_attempts=1)) as web:
        broken = Mendable(web)
        web.post("/offers", {"offerId": "o", "places": 13})
        web.post("/bookings", {"bookingId": "b", "offerId": "o"})
        web.wait(1)
        found = history(web, "offer_row", "o")
        assert [step.outcome for step in found.steps] == ["waits", "waits"]
        assert (found.row, found.explained, found.parked) == (None, True, "document:o")
        page = opened(web, "/documents", projection="offer_row", key="o")
        assert "See why, and release them" in page
        tree = opened(web, "/causes", event=found.steps[0].position)
        assert '<span class="badge warn">waits</span>' in tree
        fields = {**WHICH, "which": "everything", "reason": "a test", "confirmed": "yes"}
        assert posted(web, "/parked/discard", fields, **OPERATOR).status == 303
        left = history(web, "offer_row", "o")
        assert [step.outcome for step in left.steps] == ["left-out", "left-out"]
        assert broken.trail() == [("olga", "discard parked", "done")]


class Tally(tf.ReadModel):
    """How many places all offers of a size have."""

    size: tf.Key[str]
    offers: int = 0


tallies = tf.Projection(Tally)


@tallies.on(key=lambda event, meta: str(event.places))
def counted(row: Tally | None, event: Published, meta: tf.Recorded) -> Tally:
    return Tally(size=str(event.places), offers=(row.offers if row else 0) + 1)


def test_events_of_other_streams_are_looked_for_as_far_back_as_is_said() -> None:
    tallied = tf.Application("tallied", *app.modules, tf.Module("tallies", tallies))
    with site(tallied) as web:
        for number in range(20):
            web.post("/offers", {"offerId": f"o{number}", "places": 1 + number % 2})
        near = history(web, "tally", "1", look_through=6)
        assert (near.looked.whole, near.explained, near.total) == (False, False, 3)
        assert near.unexplained is not None
        far = history(web, "tally", "1")
        assert (far.looked.whole, far.explained, far.total) == (True, True, 10)
        page = opened(web, "/documents", projection="tally", key="1", events=6)
        assert "Look ten times as far back" in page
        assert "Older events may say more" in page


def test_unknown_documents_and_wrong_parameters_are_clear(web: Site) -> None:
    def answer(path: str, **query: object) -> tuple[int, str]:
        found = web.get(f"/console{path}", query, **OPERATOR)
        return found.status, found.text

    status, text = answer("/documents", projection="offer_rows", key="o")
    assert (status, "did you mean offer_row?" in text) == (404, True)
    assert answer("/documents", projection="ofer_row")[0] == 404
    assert answer("/documents", projection="offer_row", key="nothing")[0] == 404
    assert answer("/documents", projection="offer_row", key="o", page="x")[0] == 400
    assert answer("/documents", key="o")[0] == 400
    assert answer("/causes", q="nothing-of-the-sort")[0] == 404
    assert answer("/causes", event="99999")[0] == 404
    assert answer("/causes", event="0")[0] == 404
    status, text = answer("/processes", process="holdin")
    assert (status, "did you mean holding?" in text) == (404, True)
    assert answer("/processes", process="holding", status="lost")[0] == 400
    assert answer("/messages/message", place="nowhere")[0] == 400
    assert answer("/messages/message", place="a/0@7")[0] == 404


def texts(page: str) -> str:
    """What a page says, without markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


@pytest.mark.parametrize("by", ["event", "last event", "command", "request", "event id", "step"])
def test_a_request_is_told_from_its_command_to_every_row(web: Site, by: str) -> None:
    events = web.run(web.system.log.read(0, 100))
    requested = next(one for one in events if one.stream == "booking:a")
    held = next(one for one in events if one.type == "offer.PlaceHeld")
    step = next(one for one in events if one.stream == "process-holding:a")
    asked = {
        "event": str(requested.position),
        "last event": str(held.position),
        "command": requested.causation_id,
        "request": "the-first",
        "event id": requested.id,
        "step": str(step.position),
    }[by]
    tree = web.run(Causes(web.system).find(asked))
    assert tree.correlation_id == "the-first"
    (root,) = tree.commands
    assert (root.command_id, root.status) == (requested.causation_id, "succeeded")
    (event,) = root.events
    assert [(row.projection, row.key, row.state) for row in event.rows] == [
        ("booking_row", "a", "applied")
    ]
    (taken,) = event.steps
    assert (taken.process, taken.key, [one.name for one in taken.timers]) == (
        "holding",
        "a",
        ["HoldExpired"],
    )
    (hold,) = taken.commands
    assert [(one.event, one.rows[0].key) for one in hold.events] == [("offer.PlaceHeld", "o")]
    page = texts(opened(web, "/causes", q=asked))
    assert "offer_row o" in page


def test_refusals_and_timers_are_part_of_the_tree(web: Site) -> None:
    refused = web.run(Causes(web.system).find(str(position(web, "booking:b"))))
    (hold,) = refused.commands[0].events[0].steps[0].commands
    assert (hold.status, hold.told) == ("refused", "no place is left")
    assert hold.answered is not None
    assert [one.operation for one in hold.answered.commands]
    assert hold.answered.commands[0].events[0].event == "booking.Declined"
    web.wait(700)
    timed = web.run(Causes(web.system).find(str(position(web, "booking:a"))))
    (timer,) = timed.commands[0].events[0].steps[0].timers
    assert timer.fired is not None
    released = [event.event for one in timer.fired.commands for event in one.events]
    assert released == ["offer.PlaceReleased", "booking.Declined"]
    declined = web.run(web.system.log.read_stream("booking:a", 1, 10))[0]
    back = web.run(Causes(web.system).find(str(declined.position)))
    assert back.commands[0].command_id == timed.commands[0].command_id


def test_what_began_too_long_ago_is_told_and_led_to(
    web: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = web.run(web.system.log.read(0, 100))
    held = next(one for one in events if one.type == "offer.PlaceHeld")
    step = next(one for one in events if one.stream == "process-holding:a")
    whole = web.run(Causes(web.system).find(str(held.position)))
    assert (whole.led_by, whole.commands[0].events[0].event) == (0, "booking.Requested")
    monkeypatch.setattr("twofold.runtime.explaining.causes._CLIMBS", 0)
    late = web.run(Causes(web.system).find(str(held.position)))
    assert (late.led_by, late.commands[0].events[0].event) == (step.position, "offer.PlaceHeld")
    page = opened(web, "/causes", event=held.position)
    assert f'href="/console/causes?event={step.position}"' in page
    assert "This began earlier" in page


def position(web: Site, stream: str) -> int:
    """Of the first event of a stream."""
    return web.run(web.system.log.read_stream(stream, 0, 1))[0].position


def test_instances_are_told_with_their_timers_and_steps(web: Site) -> None:
    assert "holding" in opened(web, "/processes")
    running = opened(web, "/processes", process="holding", status="running")
    assert "key=a" in running
    assert "key=b" not in running
    one = texts(opened(web, "/processes/instance", process="holding", key="a"))
    assert "HoldExpired" in one
    assert "booking.Requested" in one
    assert "None of its instances" in opened(web, "/processes", process="holding", status="stuck")


@pytest.fixture
def kept(web: Site) -> str:
    """The place of a message that was kept aside."""
    message = Rejected(
        channel="elsewhere",
        partition=3,
        offset="17-0",
        reason="it is no event",
        attributes={"type": "<b>noise</b>"},
        data=b"noise",
        time_us=1,
    )
    web.run(web.system.log.inbox.reject([message]))
    return "elsewhere/3@17-0"


def test_messages_are_tried_again_and_dismissed_with_a_reason(web: Site, kept: str) -> None:
    assert kept.replace("@", "%40") in opened(web, "/messages")
    shown = opened(web, "/messages/message", place=kept)
    assert "it is no event" in shown
    assert "<b>noise</b>" not in shown
    tried = posted(web, "/messages/retry", {"place": kept}, **OPERATOR)
    assert (tried.status, "nothing in this application reads" in tried.text) == (409, True)
    silent = posted(web, "/messages/dismiss", {"place": kept, "reason": ""}, **OPERATOR)
    assert (silent.status, "say why" in silent.text) == (422, True)
    fields = {"place": kept, "reason": "of another team"}
    assert posted(web, "/messages/dismiss", fields, **OPERATOR).status == 303
    late = posted(web, "/messages/dismiss", fields, by="oscar", roles=["operator"])
    assert (late.status, "somebody was faster" in late.text) == (409, True)
    assert "dismissed by olga: of another team" in opened(web, "/messages", dismissed="yes")
    trail = texts(opened(web, "/audit"))
    assert trail.index("oscar dismiss rejected") < trail.index("olga dismiss rejected")
    assert "olga retry rejected" in trail


def test_the_trail_comes_in_pages_and_tells_what_never_ended(web: Site) -> None:
    trail = AuditTrail(web.system)

    async def act() -> None:
        for number in range(5):
            async with trail.acting("olga", f"turn {number}", {}):
                pass
        await trail._write("oscar", "twofold.audit.Begun", begun())

    web.run(act())
    newest = web.run(trail.page(size=4))
    assert (newest.items[0].actor, newest.items[0].outcome) == ("oscar", "unknown")
    assert newest.next_cursor is not None
    older = web.run(trail.page(int(newest.next_cursor), size=20))
    told = [one.action for one in (*newest.items, *older.items)]
    assert told == ["left", "turn 4", "turn 3", "turn 2", "turn 1", "turn 0"]
    assert {one.outcome for one in older.items} == {"done"}
    assert "Older" not in opened(web, "/audit")
    assert web.get(f"/console/audit?{urlencode({'before': 'x'})}", **OPERATOR).status == 400


def begun() -> Any:
    """The beginning of an action that never ends."""
    return _Begun("left", {})


def test_programs_are_answered_with_the_same(web: Site) -> None:
    for path in ("/explain/document?projection=offer_row&key=o", "/explain/cause?of=1", "/audit"):
        assert web.get(path).status == 401
        assert web.get(path, by="ann", roles=["customer"]).status == 403
    document = web.get("/explain/document", {"projection": "offer_row", "key": "o"}, **OPERATOR)
    assert document.json["explained"] is True
    assert [step["event"] for step in document.json["steps"]][-1] == "offer.Published"
    tree = web.get("/explain/cause", {"of": "the-first"}, **OPERATOR).json
    assert tree["commands"][0]["events"][0]["rows"][0]["key"] == "a"
    assert web.get("/audit", **OPERATOR).json == {"items": [], "nextCursor": None}
    assert web.get("/explain/document", {"projection": "offer_row"}, **OPERATOR).status == 400
    assert web.get("/explain/cause", {"of": ""}, **OPERATOR).status == 400

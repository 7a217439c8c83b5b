"""Commands that reach an aggregate through another, and decisions that begin one."""

from __future__ import annotations

from typing import Annotated, Any, NewType

import pytest

from twofold import (
    Application,
    Command,
    Context,
    Event,
    EventSourced,
    Facet,
    Filter,
    Key,
    Listed,
    Module,
    Owner,
    Parameter,
    Projection,
    Query,
    Reader,
    ReadModel,
    Recorded,
    Refused,
    Value,
    answers,
    anyone,
    ask,
    get,
    own,
    post,
    role,
    signed_in,
)
from twofold.domain.aggregate import Begun
from twofold.errors import WiringProblems
from twofold.testing import site
from twofold.wiring.wired import wire

RoomId = NewType("RoomId", str)
SeatId = NewType("SeatId", str)


class Open(Command):
    seats: int
    building: str


class Take(Command):
    room_id: RoomId
    visitor: Owner[str] = ""


class Leave(Command):
    """The room is found through the seat."""

    seat_id: SeatId


class Opened(Event):
    seats: int
    building: str


class Taken(Event):
    seat_id: SeatId
    building: str


class Left(Event):
    seat_id: SeatId


class SeatOfRoom(Event):
    room_id: RoomId
    visitor: str


class Room(Value):
    free: int
    building: str


class Seat(Value):
    room_id: RoomId
    visitor: Owner[str]


class Answer(Value):
    room_id: str
    free: int
    seat_id: str
    asked: str


room = EventSourced(Room, RoomId)
seat = EventSourced(Seat, SeatId)
room.through(seat, lambda state: state.room_id)


@room.decides
def opened(state: None, command: Open) -> Opened:
    return Opened.of(command)


@room.decides
def take(state: Room, command: Take, context: Context) -> tuple[Taken | Begun, ...]:
    if not state.free:
        raise Refused("No seat is free")
    visitor = command.visitor or context.caller.subject
    seat_id = SeatId(context.new_id())
    kept = SeatOfRoom(room_id=command.room_id, visitor=visitor)
    return Taken(seat_id=seat_id, building=state.building), seat.begun(seat_id, kept)


@room.decides
def leave(state: Room, command: Leave) -> Left:
    return Left(seat_id=command.seat_id)


@room.evolves
def evolve(state: Room | None, event: Opened | Taken | Left) -> Room:
    if isinstance(event, Opened):
        return Room(free=event.seats, building=event.building)
    assert state is not None
    return state.but(free=state.free + (1 if isinstance(event, Left) else -1))


@seat.evolves
def seated(state: None, event: SeatOfRoom) -> Seat:
    return Seat.of(event)


@room.answers
def answer(room_id: str, state: Room, command: Command, events: tuple[Event, ...]) -> Answer:
    seat_id = next((str(e.seat_id) for e in events if isinstance(e, Taken | Left)), "")
    return Answer(room_id=room_id, free=state.free, seat_id=seat_id, asked=type(command).__name__)


class Card(ReadModel):
    """A room, or (not listed) what is known of a building."""

    card_id: Key[str]
    listed: Listed[bool] = True
    buildings: Annotated[Facet[tuple[str, ...]], Parameter("building")] = ()
    rooms: int = 0


class Place(ReadModel):
    seat_id: Key[str]
    visitor: Owner[str]
    room_id: Filter[str]


cards = Projection(Card)
places = Projection(Place)


@cards.on(beside=lambda event, meta: f"building:{event.building}")
def card(row: Card | None, event: Opened, beside: Card | None, meta: Recorded) -> Card:
    return Card(
        card_id=meta.stream_id,
        buildings=(event.building,),
        rooms=beside.rooms if beside is not None else 0,
    )


@cards.on(key=lambda event, meta: f"building:{event.building}")
def building(row: Card | None, event: Opened) -> Card:
    known = row or Card(card_id=f"building:{event.building}", listed=False)
    return known.but(rooms=known.rooms + 1)


cards.ignores(Taken, Left)


@places.on
def place(row: Place | None, event: SeatOfRoom, meta: Recorded) -> Place:
    return Place.of(event, seat_id=meta.stream_id)


class Measure(Query[int]):
    text: str


@answers(cards)
async def measure(query: Measure, read: Reader) -> int:
    return len(query.text)


module = Module(
    "rooms",
    room,
    seat,
    cards,
    places,
    post("/rooms", Open, may=anyone),
    post("/rooms/{roomId}/seats", Take, may=role("visitor") & own),
    post("/seats/{seatId}/leave", Leave, may=own),
    get("/rooms", cards.page, may=anyone),
    get("/rooms/{id}", cards.one, may=anyone),
    get("/seats", places.page, may=signed_in),
    ask("/measure", measure, may=anyone),
)
app = Application("rooms", module)


def opened_room(web: Any, **fields: Any) -> str:
    """A room with a seat."""
    made = web.post("/rooms", {"seats": 1, "building": "A", **fields})
    assert made.status == 201, made
    found: str = made.json["roomId"]
    return found


def test_what_a_decision_begins_is_there_with_its_events() -> None:
    with site(app) as web:
        room_id = opened_room(web)
        taken = web.post(f"/rooms/{room_id}/seats", {}, by="ann", roles=["visitor"])
        assert taken.json | {"seatId": ""} == {
            "roomId": room_id,
            "free": 0,
            "seatId": "",
            "asked": "Take",
        }
        left = web.post(f"/seats/{taken.json['seatId']}/leave", {}, by="ann")
        assert (left.status, left.json["free"], left.json["asked"]) == (200, 1, "Leave")


def test_only_the_owner_of_what_a_command_names_reaches_through_it() -> None:
    with site(app) as web:
        room_id = opened_room(web)
        taken = web.post(f"/rooms/{room_id}/seats", {}, by="ann", roles=["visitor"])
        assert web.post(f"/seats/{taken.json['seatId']}/leave", {}, by="bob").status == 403
        assert web.post("/seats/none/leave", {}, by="ann").status == 404


def test_a_command_on_something_shared_is_sent_for_oneself_only() -> None:
    with site(app) as web:
        room_id, body = opened_room(web), {"visitor": "bob"}
        by = {"by": "ann", "roles": ["visitor"]}
        assert web.post(f"/rooms/{room_id}/seats", body, **by).status == 403
        assert web.post(f"/rooms/{room_id}/seats", {}, by="ann").status == 403
        assert web.post(f"/rooms/{room_id}/seats", {"visitor": "ann"}, **by).status == 200


def test_a_fold_is_told_of_what_is_kept_beside_its_document() -> None:
    with site(app) as web:
        opened_room(web)
        opened_room(web)
        found = web.get("/rooms?facets=building&building=A").json
        assert (found["total"], sorted(i["rooms"] for i in found["items"])) == (2, [0, 1])
        assert found["facets"] == {"building": [{"value": "A", "count": 2}]}
        assert web.get("/rooms/building:A").status == 404


def test_mine_is_what_belongs_to_the_caller() -> None:
    with site(app) as web:
        room_id = opened_room(web, seats=2)
        for name in ("ann", "bob"):
            web.post(f"/rooms/{room_id}/seats", {}, by=name, roles=["visitor"])
        assert web.get("/seats", by="ann").json["total"] == 2
        mine = web.get("/seats?mine=true", by="ann").json["items"]
        assert [item["visitor"] for item in mine] == ["ann"]
        assert web.get("/seats?mine=maybe", by="ann").status == 400
        assert web.get("/rooms?mine=true", by="ann").status == 400


def test_a_query_can_be_posted() -> None:
    with site(app) as web:
        assert web.post("/measure", {"text": "x" * 9_000}).json == 9_000
        wrong = web.post("/measure", {"word": 1}).json
        assert sorted(e["field"] for e in wrong["errors"]) == ["text", "word"]
        operation = web.get("/openapi.json").json["paths"]["/measure"]["post"]
        assert "text" in str(operation["requestBody"])
        assert not any(p["name"] == "text" for p in operation["parameters"])


def test_a_document_beside_must_be_asked_for() -> None:
    lonely = Projection(Card, name="lonely")

    @lonely.on
    def folded(row: Card | None, event: Opened, beside: Card | None) -> Card:
        return row or Card(card_id="1")

    with pytest.raises(WiringProblems, match="with on\\(beside=…\\), that document"):
        wire(Application("rooms", module, Module("more", lonely)))

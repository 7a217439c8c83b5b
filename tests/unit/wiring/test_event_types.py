"""Old events are read as they were meant, under every name they ever had."""

from __future__ import annotations

from typing import Any

import pytest

from twofold import (
    Application,
    Command,
    Event,
    EventSourced,
    Module,
    Recorded,
    Value,
    anyone,
    internal,
)
from twofold.errors import CorruptEvent, UnknownEvent
from twofold.wiring.event_types import EventTypes
from twofold.wiring.wired import wire


class Open(Command):
    name: str


class Opened(Event):
    name: str
    cents: int


class Account(Value):
    cents: int


account = EventSourced(Account, str)


@account.decides
def open_it(state: Account | None, command: Open) -> Opened:
    return Opened(name=command.name, cents=0)


@account.evolves
def opened(state: Account | None, event: Opened) -> Account:
    return Account(cents=event.cents)


@account.upcasts(Opened, 1)
def with_cents(raw: dict[str, Any]) -> dict[str, Any]:
    return {**raw, "cents": round(raw.pop("euros") * 100)}


@account.upcasts(Opened, 2)
def with_first_name(raw: dict[str, Any]) -> dict[str, Any]:
    return {"name": raw["names"][0], "cents": raw["cents"]}


account.formerly(Opened, "Created", "Begun")
TYPES: EventTypes = wire(
    Application("bank", Module("bank", account, internal(Open, may=anyone)))
).events


def recorded(data: bytes, version: int = 3, name: str = "account.Opened") -> Recorded:
    return Recorded(7, "id", "account:a", 1, name, version, 0, "", "", "", "", data)


def test_events_are_recorded_in_the_version_above_the_last_upcaster() -> None:
    kind = TYPES.by_class[Opened]
    assert (kind.name, kind.version) == ("account.Opened", 3)


@pytest.mark.parametrize(
    ("data", "version"),
    [
        (b'{"name":"ann","cents":250}', 3),
        (b'{"names":["ann","b"],"cents":250}', 2),
        (b'{"names":["ann"],"euros":2.5}', 1),
    ],
)
def test_every_version_is_lifted_to_the_current_one(data: bytes, version: int) -> None:
    assert TYPES.decode(recorded(data, version)) == Opened(name="ann", cents=250)


@pytest.mark.parametrize("name", ["account.Created", "account.Begun"])
def test_former_names_are_read_and_upcast_as_well(name: str) -> None:
    event = TYPES.decode(recorded(b'{"names":["ann"],"euros":2.5}', 1, name))
    assert event == Opened(name="ann", cents=250)


def test_unknown_types_say_how_to_declare_a_former_name() -> None:
    with pytest.raises(UnknownEvent, match=r"formerly") as unknown:
        TYPES.decode(recorded(b"{}", name="account.Vanished"))
    assert (unknown.value.event_type, unknown.value.position) == ("account.Vanished", 7)


@pytest.mark.parametrize(
    ("data", "version", "why"),
    [
        (b"{", 3, "truncated"),
        (b'{"name":1,"cents":2}', 3, "str"),
        (b'{"name":"ann"}', 3, "cents"),
        (b'{"cents":1}', 2, "names"),
        (b'{"names":null,"cents":1}', 2, "NoneType"),
        (b'{"names":[],"cents":1}', 2, "IndexError"),
        (b'["not an object"]', 1, "TypeError"),
        (b"{}", 4, "newer code"),
    ],
)
def test_what_cannot_be_read_is_corrupt_and_says_why(data: bytes, version: int, why: str) -> None:
    with pytest.raises(CorruptEvent, match="add an upcaster") as corrupt:
        TYPES.decode(recorded(data, version))
    assert why in str(corrupt.value)
    assert corrupt.value.stream == "account:a"

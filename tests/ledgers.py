"""Ledgers: small aggregates whose history tells the order in which commands were decided."""

from __future__ import annotations

from typing import NewType

from twofold import (
    Application,
    Command,
    Event,
    EventSourced,
    Key,
    Module,
    Projection,
    ReadModel,
    Recorded,
    Refused,
    Value,
    anyone,
    get,
    post,
)

LedgerId = NewType("LedgerId", str)


class Add(Command):
    ledger_id: LedgerId
    number: int


class Open(Command):
    name: str


class Added(Event):
    number: int


class Opened(Event):
    name: str


class Ledger(Value):
    numbers: tuple[int, ...] = ()


class Sum(ReadModel):
    id: Key[str]
    numbers: tuple[int, ...] = ()


ledger = EventSourced(Ledger, LedgerId)
sums = Projection(Sum)


BREAKING = {1000}


@ledger.decides
def add(state: Ledger | None, command: Add) -> Added:
    """Every seventh number is refused; those in ``BREAKING`` break the decision."""
    if command.number in BREAKING:
        raise ZeroDivisionError("broken on purpose")
    if command.number % 7 == 0:
        raise Refused("not a multiple of seven")
    return Added(number=command.number)


@ledger.decides
def begin(state: None, command: Open) -> Opened:
    return Opened(name=command.name)


@ledger.evolves
def added(state: Ledger | None, event: Added) -> Ledger:
    known = state or Ledger()
    return known.but(numbers=(*known.numbers, event.number))


@ledger.evolves
def opened(state: None, event: Opened) -> Ledger:
    return Ledger()


@sums.on
def empty(model: None, event: Opened, meta: Recorded) -> Sum:
    return Sum(id=meta.stream_id)


@sums.on
def summed(model: Sum | None, event: Added, meta: Recorded) -> Sum:
    known = model or Sum(id=meta.stream_id)
    return known.but(numbers=(*known.numbers, event.number))


app = Application(
    "ledgers",
    Module(
        "ledgers",
        ledger,
        sums,
        post("/ledgers", Open, may=anyone),
        post("/ledgers/{ledgerId}/numbers", Add, may=anyone),
        get("/ledgers/{id}", sums.one, may=anyone),
    ),
)

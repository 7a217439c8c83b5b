"""A process manager that does as it is told, for tests of what may go wrong.

``Ask`` tells a chore what to do: "tell:TEXT" sends a command to the board, "timer:NAME:SECONDS"
sets a timer, "cancel:NAME" cancels it, "end" ends the instance; whatever it was is noted in its
state, in order. What is in ``broken`` raises. The board refuses texts that begin with "no".
"""

from __future__ import annotations

from datetime import timedelta
from typing import NewType

import twofold as tf

ChoreId = NewType("ChoreId", str)
BoardId = NewType("BoardId", str)
BOARD = BoardId("board")
broken: set[str] = set()


def may_break(what: str) -> None:
    """A mistake in the code, until it is repaired."""
    if what in broken:
        raise RuntimeError(f"{what} is broken")


class Ask(tf.Command):
    chore_id: tf.Key[ChoreId]
    what: str


class Asked(tf.Event):
    what: str


class Chore(tf.Value):
    asked: int


chore = tf.EventSourced(Chore, ChoreId)


@chore.decides
def ask(state: Chore | None, command: Ask) -> Asked:
    return Asked(what=command.what)


@chore.evolves
def evolve(state: Chore | None, event: Asked) -> Chore:
    return Chore(asked=state.asked + 1 if state else 1)


class Tell(tf.Command):
    board_id: BoardId
    text: str


class Told(tf.Event):
    text: str


class Board(tf.Value):
    texts: tuple[str, ...]


board = tf.EventSourced(Board, BoardId)


@board.decides
def tell(state: Board | None, command: Tell) -> Told:
    may_break(command.text)
    if command.text.startswith("no"):
        raise tf.Refused(f"{command.text} is not to be told")
    return Told(text=command.text)


@board.evolves
def written(state: Board | None, event: Told) -> Board:
    return Board(texts=(*(state.texts if state else ()), event.text))


class Alarm(tf.Timer):
    name: str


class Notes(tf.Value):
    notes: tuple[str, ...] = ()

    def with_note(self, note: str) -> Notes:
        return Notes(notes=(*self.notes, note))


chores = tf.Process(Notes, name="chores")


@chores.on
def asked(state: Notes | None, event: Asked, meta: tf.Recorded) -> tf.Then[Notes] | None:
    may_break(event.what)
    if event.what == "ignore":
        return None
    noted = tf.Then((state or Notes()).with_note(event.what))
    how, _, rest = event.what.partition(":")
    if how == "tell":
        return noted.send(Tell(board_id=BOARD, text=rest))
    if how == "timer":
        name, _, seconds = rest.partition(":")
        at = meta.time + timedelta(seconds=float(seconds))
        return noted.timer(Alarm(name=name), at=at, name=name)
    if how == "cancel":
        return noted.cancel(Alarm, name=rest)
    return tf.Then(None) if how == "end" else noted


@chores.due
def due(state: Notes, timer: Alarm) -> tf.Then[Notes]:
    may_break(f"due {timer.name}")
    text = f"due {timer.name}"
    return tf.Then(state.with_note(text)).send(Tell(board_id=BOARD, text=text))


@chores.refused
def refused(
    state: Notes, command: Tell, refusal: tf.Refused, context: tf.Context
) -> tf.Then[Notes]:
    may_break(f"refused {command.text}")
    return tf.Then(state.with_note(f"refused {command.text} for {context.identity}"))


app = tf.Application(
    "chores",
    tf.Module(
        "chores",
        chore,
        board,
        chores,
        tf.post("/chores/{choreId}", Ask, may=tf.anyone),
        tf.internal(Tell, may=tf.role("system")),
    ),
)

"""Letters: what they hold is nobody else's business. Stamped by a process, returned by the post."""

from __future__ import annotations

from typing import NewType

import twofold as tf

LetterId = NewType("LetterId", str)
CHANNEL = "post.events"
RETURNED = "com.post.letter.returned"


class Write(tf.Command):
    """Send a letter."""

    addressee: str
    text: str


class Stamp(tf.Command):
    letter_id: LetterId


class TakeBack(tf.Command):
    letter_id: LetterId


class Written(tf.Event):
    addressee: str
    text: str


class Stamped(tf.Event): ...


class TakenBack(tf.Event): ...


class Letter(tf.Value):
    addressee: str


class LetterRow(tf.ReadModel):
    letter_id: tf.Key[LetterId]
    addressee: tf.Filter[str]
    text: str
    stamped: bool = False
    returned: bool = False


class Notes(tf.Value): ...


letter = tf.EventSourced(Letter, LetterId)
letters = tf.Projection(LetterRow)
stamping = tf.Process(Notes, name="stamping")
post_office = tf.Inbox(CHANNEL, partitions=1)


@letter.decides
def write(state: None, command: Write) -> Written:
    return Written.of(command)


@letter.decides
def stamp(state: Letter, command: Stamp) -> Stamped:
    return Stamped()


@letter.decides
def take_back(state: Letter, command: TakeBack) -> TakenBack:
    return TakenBack()


@letter.evolves
def written(state: None, event: Written) -> Letter:
    return Letter(addressee=event.addressee)


@letter.evolves
def handled(state: Letter, event: Stamped | TakenBack) -> Letter:
    return state


@letters.on
def listed(row: LetterRow | None, event: Written, meta: tf.Recorded) -> LetterRow:
    return LetterRow.of(event, letter_id=LetterId(meta.stream_id))


@letters.on
def stamped(row: LetterRow, event: Stamped) -> LetterRow:
    return row.but(stamped=True)


@letters.on
def returned(row: LetterRow, event: TakenBack) -> LetterRow:
    return row.but(returned=True)


@stamping.on
def to_stamp(state: Notes | None, event: Written, meta: tf.Recorded) -> tf.Then[Notes]:
    return tf.Then(Notes()).send(Stamp(letter_id=LetterId(meta.stream_id)))


class Returned(tf.Value):
    letter: str


@post_office.on(RETURNED)
def came_back(event: Returned) -> TakeBack:
    return TakeBack(letter_id=LetterId(event.letter))


app = tf.Application(
    "letters",
    tf.Module(
        "letters",
        letter,
        letters,
        stamping,
        post_office,
        tf.internal(Stamp, may=tf.role("system")),
        tf.internal(TakeBack, may=tf.role("system")),
        tf.post("/letters", Write, may=tf.signed_in),
        tf.get("/letters", letters.page, may=tf.signed_in),
        tf.get("/letters/{id}", letters.one, may=tf.signed_in),
    ),
)

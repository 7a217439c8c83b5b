"""What is kept of a sequence that waits, and the tables it is kept in.

A sequence is a document of the read model, or a stream where it is not known which documents an
event concerns: it can't be decoded, finding its documents fails, or the projection is handwritten.
"""

from __future__ import annotations

import traceback
from typing import Literal

import msgspec

from twofold.messages.recorded import Recorded, moment
from twofold.ports.read_store import Column, ColumnKind, Row, Table

ANY = "*"
"""Events that look for documents by a field wait for all documents that are parked."""

State = Literal["retrying", "parked", "discarded"]
_LONGEST_TEXT = 20_000


class Parked(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A sequence that waits, as of its last failure.

    ``position``, ``event`` and ``stream`` are those of the event that could not be applied.
    ``cause`` is the same for failures of the same kind at the same place of the code; ``code`` is
    the fingerprint of the projection that failed. It is tried again by itself at ``next_us`` (0:
    not any more). Times are in microseconds since 1970 (UTC).

    "discarded": the event was left out on purpose, by ``actor`` for ``reason``.
    """

    sequence: str
    state: State
    position: int
    event: str
    stream: str
    event_time_us: int
    error: str
    cause: str
    traceback: str
    attempts: int
    code: str
    since_us: int
    last_us: int
    next_us: int
    reason: str = ""
    actor: str = ""

    @property
    def document(self) -> str | None:
        """The key of the document that waits, None for a stream."""
        kind, _, name = self.sequence.partition(":")
        return name if kind == "document" else None

    @property
    def row_key(self) -> str:
        """Where it is kept: what was discarded stays beside what may be parked anew."""
        if self.state == "discarded":
            return f"discarded:{self.position}:{self.sequence}"
        return self.sequence


_PARKED = msgspec.json.Decoder(Parked)
_EVENT = msgspec.json.Decoder(Recorded)


def of_document(key: str) -> str:
    """The sequence of a document."""
    return "document:" + key.replace("\x00", "\\0")


def of_stream(stream: str) -> str:
    """The sequence of a stream."""
    return f"stream:{stream}"


def parked_table(table: str) -> str:
    """Where the sequences of a read model's table are kept."""
    return f"{table}/parked"


def waiting_table(table: str) -> str:
    """Where their events are kept."""
    return f"{table}/waiting"


def tables_beside(table: str) -> tuple[Table, Table]:
    """Both, as a read store is to open them."""
    text, integer, time = ColumnKind.TEXT, ColumnKind.INTEGER, ColumnKind.TIME
    parked = (
        Column("state", text, filter=True),
        Column("sequence", text, filter=True),
        Column("cause", text, filter=True, facet=True),
        Column("since", time, filter=True, sort=True),
        Column("next", time, filter=True, sort=True),
    )
    waiting = (
        Column("sequence", text, filter=True),
        Column("position", integer, filter=True, sort=True),
    )
    return Table(parked_table(table), parked), Table(waiting_table(table), waiting)


def parked_row(parked: Parked) -> Row:
    """A sequence as a row. What was discarded is not among those of its cause, nor since when."""
    waits = parked.state != "discarded"
    values = (
        parked.state,
        parked.sequence,
        parked.cause if waits else None,
        moment(parked.since_us) if waits else None,
        moment(parked.next_us) if parked.next_us else None,
    )
    return Row(parked.row_key, msgspec.json.encode(parked), parked.position, values)


def parked_of(document: bytes) -> Parked:
    """The sequence in a row's document."""
    return _PARKED.decode(document)


def waiting_key(sequence: str, position: int) -> str:
    """The key of an event that waits."""
    return f"{position:020} {sequence}"


def waiting_row(sequence: str, event: Recorded) -> Row:
    """An event that waits, as a row."""
    key = waiting_key(sequence, event.position)
    return Row(key, msgspec.json.encode(event), event.position, (sequence, event.position))


def event_of(document: bytes) -> Recorded:
    """The event in a row's document."""
    return _EVENT.decode(document)


def error_text(error: BaseException) -> str:
    """What a person reads first."""
    return _storable(f"{type(error).__name__}: {error}")


def cause_of(error: BaseException) -> str:
    """The kind of error and the line that raised it: equal for failures that have one cause."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return type(error).__name__
    last = frames[-1]
    name = last.filename.replace("\\", "/").rpartition("/")[2]
    return _storable(f"{type(error).__name__} in {last.name}, {name}:{last.lineno}")


def traceback_text(error: BaseException) -> str:
    """The traceback, shortened at its beginning."""
    return _storable("".join(traceback.format_exception(error)))


def _storable(text: str) -> str:
    # Databases refuse NUL and lone surrogates, and an error must not fail because of its text.
    text = text[-_LONGEST_TEXT:].replace("\x00", "\\0")
    return text.encode("utf-8", "backslashreplace").decode()

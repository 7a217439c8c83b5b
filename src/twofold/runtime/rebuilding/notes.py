"""What a rebuild tells everybody: a note at the lease that it holds, kept when it is given back."""

from __future__ import annotations

from typing import Literal

import msgspec

Phase = Literal["filling", "verifying", "switching", "switched", "different", "failed", "cancelled"]


class Note(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """How far a rebuild of a projection is, or how the last one ended.

    ``version`` is the one that is built, ``highest`` the highest number that was ever given.
    ``at_us`` is when this was noted, ``waits`` why the throttle holds it back, "" if it does not.
    """

    version: int = 0
    highest: int = 0
    phase: Phase = "filling"
    by: str = ""
    since_us: int = 0
    at_us: int = 0
    applied: int = 0
    head: int = 0
    events_per_second: float = 0.0
    waits: str = ""
    why: str = ""

    @property
    def seconds_left(self) -> float | None:
        """About how long filling will take, None while that is not known."""
        if self.events_per_second <= 0:
            return None
        return round(max(0, self.head - self.applied) / self.events_per_second, 1)


def group_of(projection: str) -> str:
    """The lease of whoever changes the versions of a projection."""
    return f"rebuild {projection}"


def note_of(mark: str) -> Note:
    """The note in a mark; an empty one where there is none, or one of another release."""
    try:
        return _DECODER.decode(mark)
    except msgspec.MsgspecError:
        return Note()


def mark_of(note: Note) -> str:
    """The mark that holds a note."""
    return msgspec.json.encode(note).decode()


_DECODER = msgspec.json.Decoder(Note)

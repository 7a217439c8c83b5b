"""What a release of many sequences tells everybody: a note at the lease that it holds."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from twofold.messages.recorded import moment
from twofold.runtime.view import View

Phase = Literal["releasing", "done", "stopped", "futile", "failed"]


class ReleaseNote(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """How far a release of many is, or how the last one ended.

    ``again`` of them wait again, ``passed`` were not as they had been seen, or are gone: somebody
    else was faster. ``at_us`` is when this was noted.
    """

    by: str = ""
    state: str = ""
    cause: str = ""
    phase: Phase = "releasing"
    since_us: int = 0
    at_us: int = 0
    total: int = 0
    released: int = 0
    again: int = 0
    passed: int = 0
    why: str = ""

    @property
    def done(self) -> int:
        """How many were tried."""
        return self.released + self.again + self.passed

    @property
    def told(self) -> str:
        """What came of it."""
        told = f"{self.released:,} released, {self.again:,} wait again"
        return f"{told}, {self.passed:,} changed by others meanwhile" if self.passed else told


class ReleasingView(View, frozen=True):
    """The release of many in one place that is under way (``running``), or the last one."""

    projection: str
    state: str
    cause: str
    by: str
    phase: str
    running: bool
    since: datetime
    at: datetime
    total: int
    done: int
    released: int
    again: int
    passed: int
    told: str
    per_second: float
    why: str
    seen: int

    @property
    def interrupted(self) -> bool:
        """Whether it ended with its process."""
        return self.phase == "releasing" and not self.running


def group_of(projection: str) -> str:
    """The lease of whoever releases many sequences of a place."""
    return f"release {projection}"


def stop_group_of(projection: str) -> str:
    """Who gives signs of life there wants such a release to stop."""
    return f"stop release {projection}"


def note_of(mark: str) -> ReleaseNote:
    """The note in a mark; an empty one where there is none, or one of another release."""
    try:
        return _DECODER.decode(mark)
    except msgspec.MsgspecError:
        return ReleaseNote()


def mark_of(note: ReleaseNote) -> str:
    """The mark that holds a note."""
    return msgspec.json.encode(note).decode()


def releasing_view(projection: str, note: ReleaseNote, running: bool) -> ReleasingView:
    """What is noted of a release."""
    seconds = (note.at_us - note.since_us) / 1_000_000
    return ReleasingView(
        projection,
        note.state,
        note.cause,
        note.by,
        note.phase,
        running and note.phase == "releasing",
        moment(note.since_us),
        moment(note.at_us),
        max(note.total, note.done),
        note.done,
        note.released,
        note.again,
        note.passed,
        note.told,
        round(note.done / seconds, 1) if seconds > 0 else 0.0,
        note.why,
        note.since_us,
    )


_DECODER = msgspec.json.Decoder(ReleaseNote)

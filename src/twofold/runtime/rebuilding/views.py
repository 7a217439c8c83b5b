"""What operators see of the versions of read models."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

VersionState = Literal["read", "former", "other code", "building", "going"]


class View(msgspec.Struct, frozen=True, rename="camel"):
    """Something shown."""


class VersionView(View, frozen=True):
    """One version of a read model.

    ``state``: "read" is what this code's readers use, "former" what they used before, "other code"
    was made by other code (which may read it), "building" is not read yet, "going" is being
    dropped. ``readers`` counts the living processes that read it, ``parked`` what waits beside it,
    ``rows`` its documents where they were asked for. ``chosen``: since when it is read, null if it
    was from the beginning.
    """

    number: int
    state: VersionState
    applied: int
    lag_events: int
    readers: int
    parked: int
    chosen: datetime | None
    rows: int | None


class RebuildView(View, frozen=True):
    """The rebuild that is under way, or how the last one ended.

    ``running``: a process is at it; where none is and ``phase`` is no end, it was interrupted, and
    goes on where it was when it is begun again. ``phase``: "filling", "verifying", "switching";
    then "switched", "different" (not equal to the log: not switched), "failed" or "cancelled".
    ``waits`` says what the throttle waits for, ``why`` what went wrong.
    """

    version: int
    running: bool
    phase: str
    by: str
    applied: int
    head: int
    events_per_second: float
    seconds_left: float | None
    since: datetime
    seen: datetime
    waits: str
    why: str


class VersionsView(View, frozen=True):
    """The versions of one projection, the newest first, and its rebuild.

    ``outdated``: the code has changed, and its version has yet to be built. ``filled``: this code
    has a version that can be read. ``back_to``: what a
    rollback would switch to, null if there is nothing.
    """

    projection: str
    outdated: bool
    filled: bool
    versions: tuple[VersionView, ...]
    rebuild: RebuildView | None
    back_to: int | None

    @property
    def building(self) -> bool:
        """Whether a version is being built, or was until it was interrupted."""
        return any(one.state == "building" for one in self.versions)

    @property
    def read(self) -> int | None:
        """The version that readers use."""
        return next((one.number for one in self.versions if one.state == "read"), None)

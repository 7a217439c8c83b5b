"""What somebody just did, remembered by their browser until the read models show it.

A page that is behind can so show the effect at once, marked, and take the mark away when the
position it was committed at is applied. Nothing is trusted: what the cookie says is only shown to
the browser that sent it.
"""

from __future__ import annotations

import sys
from binascii import Error as NotBase64
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from twofold.errors import TwofoldError
from twofold.http.pages.freshness import Freshness, State

COOKIE = "twofold_pending"
KEPT_SECONDS = 600
PATIENCE_SECONDS = 30.0
_KEPT = 5


class StillPending(TwofoldError):
    """A command was accepted and is not decided yet; nothing is lost, it only takes longer."""

    def __init__(self, command_id: str) -> None:
        self.command_id = command_id
        super().__init__("it was accepted and is being worked on; it can't get lost any more")


class Deed(msgspec.Struct, frozen=True, omit_defaults=True):
    """A command that succeeded: on what, what it did, in words, and what is shown meanwhile.

    ``new`` tells that the thing did not exist before.
    """

    kind: str
    identity: str
    what: str
    position: int
    by: str
    at: datetime
    new: bool = False
    shown: dict[str, str] = {}


class Pending(msgspec.Struct, frozen=True):
    """A deed that the page does not contain yet, and why."""

    deed: Deed
    state: State

    @property
    def shown(self) -> dict[str, str]:
        """What is known of its effect."""
        return self.deed.shown


def remember(cookie: str, deed: Deed) -> str:
    """The cookie with one deed more; the oldest are forgotten."""
    return _written((*_read(cookie), deed)[-_KEPT:])


def remembered(
    cookie: str, kind: str, caller: str, now: datetime, identity: str = ""
) -> list[Deed]:
    """The caller's deeds of late, the newest first."""
    return [
        deed
        for deed in reversed(_read(cookie))
        if deed.kind == kind
        and deed.by == caller
        and identity in ("", deed.identity)
        and (now - deed.at).total_seconds() < KEPT_SECONDS
    ]


def not_shown(
    deeds: Sequence[Deed], waiting: Mapping[str, int], now: datetime, fresh: Freshness
) -> list[Pending]:
    """Those of ``deeds`` that ``fresh`` does not contain.

    ``waiting`` says of which things events are parked, and from which position on.
    """
    found = []
    for deed in deeds:
        held_up = deed.position >= waiting.get(deed.identity, sys.maxsize)
        if held_up or deed.position > fresh.position:
            found.append(Pending(deed, "parked" if held_up else _state(deed, now, fresh)))
    return found


def _state(deed: Deed, now: datetime, fresh: Freshness) -> State:
    if fresh.state in ("rebuilding", "stopped"):
        return fresh.state
    waited = (now - deed.at).total_seconds()
    return "timed-out" if waited > PATIENCE_SECONDS else "catching-up"


def _read(cookie: str) -> tuple[Deed, ...]:
    try:
        return msgspec.json.decode(a2b_base64(cookie), type=tuple[Deed, ...])
    except (NotBase64, ValueError, msgspec.MsgspecError):
        return ()


def _written(deeds: tuple[Deed, ...]) -> str:
    return b2a_base64(msgspec.json.encode(deeds), newline=False).decode()

"""What somebody just did, remembered by their browser until the read models show it.

A page that is behind can so show the effect at once, marked, and take the mark away when the
position it was committed at is applied. Nothing is trusted: what the cookie says is only shown to
the browser that sent it.
"""

from __future__ import annotations

from binascii import Error as NotBase64
from binascii import a2b_base64, b2a_base64
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


def not_shown(
    cookie: str, kind: str, caller: str, now: datetime, fresh: Freshness, identity: str = ""
) -> list[Pending]:
    """The caller's deeds that ``fresh`` does not contain, the newest first."""
    late = [
        deed
        for deed in reversed(_read(cookie))
        if deed.kind == kind
        and deed.by == caller
        and identity in ("", deed.identity)
        and deed.position > fresh.position
        and (now - deed.at).total_seconds() < KEPT_SECONDS
    ]
    return [Pending(deed, _state(deed, now, fresh)) for deed in late]


def _state(deed: Deed, now: datetime, fresh: Freshness) -> State:
    if fresh.state in ("rebuilding", "parked", "stopped"):
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

"""Alerts on their way to people: what a message says, and who carries it.

A channel takes a message or raises; it does not retry, count or remember. Whoever sends does, and
may send a message twice after a crash, with the same ``delivery``, by which receivers can tell.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol, TypeAlias

import msgspec

Severity: TypeAlias = Literal["page", "ticket"]
Occasion: TypeAlias = Literal["opened", "changed", "reminder", "recovered", "test"]


class Message(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What people are told. ``delivery`` is the same for repetitions of one message alone.

    ``alert`` identifies the alert from its opening to its recovery, ``key`` what it is about
    (``kind/subject``). ``recovered_at`` is None while it is open.
    """

    delivery: str
    occasion: Occasion
    application: str
    alert: str
    key: str
    kind: str
    subject: str
    severity: Severity
    summary: str
    advice: str
    opened_at: datetime
    sent_at: datetime
    recovered_at: datetime | None = None


class Channel(Protocol):
    """A way to people."""

    @property
    def name(self) -> str:
        """How it is called in settings, logs and lists; never its address or credentials."""

    async def send(self, message: Message) -> None:
        """Hand it over, in bounded time. Raises NotDelivered."""

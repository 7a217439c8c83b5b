"""Which states look how, and what is known from the answer to a command."""

from __future__ import annotations

from typing import Any

import msgspec

from twofold import Done

BADGES = {
    "draft": "",
    "submitted": "accent",
    "in-review": "accent",
    "accepted": "good",
    "released": "good",
    "release-failed": "bad",
    "rejected": "bad",
    "withdrawn": "bad",
    "queued": "warn",
    "assigned": "accent",
    "dropped": "",
    "published": "good",
    "closed": "",
    "cancelled": "bad",
    "held": "warn",
    "waiting": "accent",
    "confirmed": "good",
    "to-be-confirmed-anew": "warn",
    "expired": "",
    "not-confirmed-anew": "",
    "offer-closed": "",
    "offer-cancelled": "bad",
    "over": "",
}


def known_of(done: Done, **more: str) -> dict[str, str]:
    """What a command's answer tells, as texts for pages."""
    answer: dict[str, Any] = msgspec.json.decode(done.answer)
    return {name: text for name, text in answer.items() if isinstance(text, str)} | more

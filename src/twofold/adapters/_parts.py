"""A checkpoint's parts as the text that is stored beside it: "" where it has none."""

from __future__ import annotations

import msgspec

from twofold.ports.read_store import Part

_DECODER = msgspec.json.Decoder(tuple[Part, ...])


def parts_text(parts: tuple[Part, ...]) -> str:
    """``parts`` as text."""
    return msgspec.json.encode(parts).decode() if parts else ""


def parts_of(text: str) -> tuple[Part, ...]:
    """The parts in ``text``."""
    return _DECODER.decode(text) if text else ()

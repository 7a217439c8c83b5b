"""How the catalogue's documents come out the same in whatever order events arrive.

Each event sets some registers of a document: its program's content, an offer's price, dates,
status or places. A register takes the value of the highest version of its stream that was seen.
So an event that comes late, or again, changes nothing that a later one has set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from twofold import Value


class Registers(Value):
    """A document with registers; ``seen`` has each one's version."""

    seen: dict[str, int] = {}

    def due(self, names: Iterable[str], version: int) -> frozenset[str]:
        """Which of the registers an event of this version may set."""
        return frozenset(name for name in names if version > self.seen.get(name, 0))


R = TypeVar("R", bound=Registers)


def noted(document: R, names: Iterable[str], version: int, changes: Mapping[str, object]) -> R:
    """The document with those ``changes`` that it has fields for, and the registers' version."""
    fields = document.__struct_fields__
    known = {name: value for name, value in changes.items() if name in fields}
    # Sorted, so that equal documents are equal to the byte.
    seen = dict(sorted({**document.seen, **dict.fromkeys(names, version)}.items()))
    return document.but(seen=seen, **known)

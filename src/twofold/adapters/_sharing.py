"""How parts of a shared work are divided among its members, whatever keeps them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import NamedTuple


class Changed(NamedTuple):
    """The parts that a member gives back, and those that it takes."""

    given: list[int]
    taken: list[int]


def shared(member: str, parts: int, members: Collection[str], held: Mapping[int, str]) -> Changed:
    """What ``member`` does for its fair share.

    ``members`` are those alive, itself included; ``held`` are the parts they hold, by part.
    """
    mine = sorted(part for part, holder in held.items() if holder == member)
    kept = [part for part in mine if part < parts][: _share(member, parts, members, held)]
    free = [part for part in range(parts) if part not in held]
    room = _share(member, parts, members, held) - len(kept)
    return Changed([part for part in mine if part not in kept], free[:room])


def _share(member: str, parts: int, members: Collection[str], held: Mapping[int, str]) -> int:
    """The parts divided by the members; what is left over is for those who hold most already."""
    each, over = divmod(parts, len(members))
    counts = Counter(held.values())
    ranked = sorted(members, key=lambda name: (-counts[name], name))
    return each + (ranked.index(member) < over)

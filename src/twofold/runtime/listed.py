"""Differences of lists and maps, item by item: which came, which went, which changed.

Both sides of a long list say nothing to a person. Items are told apart by the first of their fields
that no two of them share, as ids are; where there is none, an item that changed is one that went
and one that came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

SHOWN = 20
_LONG = 5

What = Literal["came", "went", "changed"]


class Item(msgspec.Struct, frozen=True):
    """An item that differs; ``name`` is its key, or its place in the list, from 1.

    Of one that changed, ``before`` and ``after`` are the fields that differ.
    """

    what: What
    name: str
    before: Any
    after: Any


class Listed(msgspec.Struct, frozen=True):
    """How two lists differ: the first items that do, and how many of each there are.

    ``same`` items are on both sides; ``moved``: they are in another order.
    """

    shown: tuple[Item, ...]
    came: int
    went: int
    changed: int
    same: int
    moved: bool

    @property
    def hidden(self) -> int:
        """How many differ beside those that are shown."""
        return self.came + self.went + self.changed - len(self.shown)

    @property
    def told(self) -> str:
        """How many there are, for a person."""
        counts = [
            f"{count:,} {what}"
            for count, what in (
                (self.came, "came"),
                (self.went, "went"),
                (self.changed, "changed"),
            )
            if count
        ]
        order = ["the order is another"] if self.moved else []
        return ", ".join([*counts, f"{self.same:,} as before", *order])


def listed(before: Any, after: Any) -> Listed | None:
    """How two lists or two maps differ; None for what is neither, or short enough to be shown."""
    if max(_length(before), _length(after)) <= _LONG:
        return None
    for kind, differing in ((Mapping, _of_maps), (list | tuple, _of_lists)):
        old, new = _or_empty(before, kind), _or_empty(after, kind)
        if old is not None and new is not None:
            return differing(old, new)
    return None


def _length(side: Any) -> int:
    return len(side) if isinstance(side, Mapping | list | tuple) else 0


def _or_empty(side: Any, kind: Any) -> Any:
    """``side``; nothing where there is none of it, None where it is something else."""
    if side is None:
        return {} if kind is Mapping else ()
    return side if isinstance(side, kind) else None


def _of_lists(before: Sequence[Any], after: Sequence[Any]) -> Listed:
    first = _equal_at_begin(before, after)
    last = _equal_at_end(before[first:], after[first:])
    old, new = before[first : len(before) - last], after[first : len(after) - last]
    name = _telling_apart(before, after, [*old, *new])
    if name is None:
        return _of_values(old, new, first, first + last)
    found = _of_maps({one[name]: one for one in old}, {one[name]: one for one in new})
    return msgspec.structs.replace(found, same=found.same + first + last)


def _equal_at_begin(before: Sequence[Any], after: Sequence[Any]) -> int:
    pairs = enumerate(zip(before, after, strict=False))
    shorter = min(len(before), len(after))
    return next((at for at, (one, other) in pairs if one != other), shorter)


def _equal_at_end(before: Sequence[Any], after: Sequence[Any]) -> int:
    pairs = enumerate(zip(reversed(before), reversed(after), strict=False))
    shorter = min(len(before), len(after))
    return next((at for at, (one, other) in pairs if one != other), shorter)


def _telling_apart(
    before: Sequence[Any], after: Sequence[Any], differing: Sequence[Any]
) -> str | None:
    """The first field that is told by every item, and by no two on one side alike."""
    if not differing or not all(isinstance(one, Mapping) for one in differing):
        return None
    names = (name for name in differing[0] if _is_told(differing, name))
    sides = [side for side in (before, after) if side]
    found = (one for one in names if all(_is_unique(side, one) for side in sides))
    return next(found, None)


def _is_told(items: Sequence[Any], name: str) -> bool:
    return all(isinstance(one.get(name), str | int) for one in items)


def _is_unique(items: Sequence[Any], name: str) -> bool:
    told = {one.get(name) for one in items if isinstance(one, Mapping) and _is_told([one], name)}
    return len(told) == len(items)


def _of_maps(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> Listed:
    went = [key for key in before if key not in after]
    came = [key for key in after if key not in before]
    both = [key for key in before if key in after]
    changed = [key for key in both if before[key] != after[key]]

    def items() -> Iterator[Item]:
        for key in went:
            yield Item("went", str(key), before[key], None)
        for key in changed:
            yield Item("changed", str(key), *_differing(before[key], after[key]))
        for key in came:
            yield Item("came", str(key), None, after[key])

    moved = both != [key for key in after if key in before]
    same = len(both) - len(changed)
    return Listed(_first(items()), len(came), len(went), len(changed), same, moved)


def _differing(before: Any, after: Any) -> tuple[Any, Any]:
    """What differs of two items: some of their fields, or all of them."""
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        return before, after
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return (
        {name: before[name] for name in names if name in before},
        {name: after[name] for name in names if name in after},
    )


def _of_values(before: Sequence[Any], after: Sequence[Any], first: int, same: int) -> Listed:
    """Items that nothing tells apart: as many of each as there are more on one side."""
    went = _more(before, after)
    came = _more(after, before)

    def items() -> Iterator[Item]:
        for at in went:
            yield Item("went", f"#{first + at + 1}", before[at], None)
        for at in came:
            yield Item("came", f"#{first + at + 1}", None, after[at])

    kept = len(before) - len(went)
    moved = not went and not came and kept > 0
    return Listed(_first(items()), len(came), len(went), 0, same + kept, moved)


def _more(these: Sequence[Any], others: Sequence[Any]) -> list[int]:
    """The places of what is in ``these`` more often than in ``others``."""
    left = Counter(map(_text, others))
    places = []
    for at, one in enumerate(these):
        text = _text(one)
        if left[text]:
            left[text] -= 1
        else:
            places.append(at)
    return places


def _text(value: Any) -> bytes:
    return msgspec.json.encode(value, order="deterministic")


def _first(items: Iterator[Item]) -> tuple[Item, ...]:
    return tuple(item for _, item in zip(range(SHOWN), items, strict=False))

"""Looking at declarations without stumbling: what can't be read is a mistake with a place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from twofold.domain.signatures import hints, marks, mistake
from twofold.errors import Mistake
from twofold.messages.markers import Use


def unique(named: list[tuple[str, tuple[str, int]]], what: str, problems: list[Mistake]) -> None:
    """Each name once; the later place is the mistake's."""
    seen: dict[str, tuple[str, int]] = {}
    for name, where in named:
        if name in seen:
            file, line = seen[name]
            problems.append(
                Mistake(f"two {what}s are named {name!r}, the other at {file}:{line}", *where)
            )
        seen[name] = where


def annotated(cls: type, problems: list[Mistake]) -> Mapping[str, Any]:
    """The class's annotations, empty if one of them names what does not exist."""
    try:
        return hints(cls)
    except NameError as exc:
        problems.append(mistake(f"{cls.__name__} has an annotation that can't be read: {exc}", cls))
        return {}


def readable(cls: type, what: str, problems: list[Mistake]) -> bool:
    """Whether values of ``cls`` can be read from JSON."""
    try:
        msgspec.json.Decoder(cls)
    except (TypeError, NameError) as exc:
        problems.append(mistake(f"{what} {cls.__name__} can't be read from JSON: {exc}", cls))
        return False
    return True


def owner_field(cls: type, problems: list[Mistake]) -> str:
    """The field marked Owner[…], "" without one."""
    if not issubclass(cls, msgspec.Struct):
        return ""
    known = annotated(cls, problems)
    owners = (
        name
        for name in cls.__struct_fields__
        if any(isinstance(mark, Use) and mark.owner for mark in marks(known.get(name)))
    )
    return next(owners, "")

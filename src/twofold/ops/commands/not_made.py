"""Read models that nobody has made yet, or that another read store has."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from twofold.runtime.applying import Applier
from twofold.runtime.system import System
from twofold.runtime.versions import versions_of


def not_made(system: System, appliers: Sequence[Applier]) -> list[str]:
    """Those of which the read store has no version, though there are events."""
    if not system.progress.head:
        return []
    stored = system.progress.stored
    return [one.name for one in appliers if not versions_of(one.name, stored)]


def not_made_text(system: System, lacking: Collection[str]) -> str:
    """What to do about it, "" where nothing is lacking."""
    if not lacking:
        return ""
    every = len(lacking) == len(system.appliers)
    names = system.application.name if every else ", ".join(lacking)
    return (
        f"the read store has no read model of {names}: see that TWOFOLD_READ (if it is not set, "
        "TWOFOLD_LOG) names the one that the application is run with. If so, it is not made yet: "
        "the next `twofold run` makes it, or before that `twofold rebuild APP --all`"
    )

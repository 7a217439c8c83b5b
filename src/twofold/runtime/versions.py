"""Versions of read models: code finds the version it made by the fingerprint of its folds.

A changed fold never continues a table that other code filled. It gets a table of its own, which
``rebuild`` fills from the log while processes with the former code go on with theirs. The same code
may have several versions too; the one that was chosen last is used: ADR 0024.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from twofold.ports.read_store import DROPPED, Checkpoint


class Version(msgspec.Struct, frozen=True):
    """The version of a projection that this code uses, and the other versions there are.

    ``made``: this code has made it already. ``beside``: it is still being built, and not read.
    """

    number: int
    others: tuple[int, ...]
    made: bool = True
    beside: bool = False

    @property
    def outdated(self) -> bool:
        """Whether this code's version has yet to be built beside those of other code."""
        return bool(self.others) and (self.beside or not self.made)


def table_name(projection: str, version: int) -> str:
    """The table and checkpoint of a version."""
    return f"{projection}_{version}"


def version_of(projection: str, fingerprint: str, checkpoints: Mapping[str, Checkpoint]) -> Version:
    """The version of those that ``fingerprint`` made that was chosen last, or the number for a new
    one."""
    found = versions_of(projection, checkpoints)
    there = [n for n, checkpoint in found.items() if checkpoint.chosen_us != DROPPED]
    mine = [n for n in there if found[n].fingerprint == fingerprint]
    if not mine:
        return Version(max(found, default=0) + 1, tuple(sorted(there)), made=False)
    number = latest(mine, found)
    others = tuple(sorted({*there} - {number}))
    return Version(number, others, beside=found[number].beside)


def latest(numbers: Collection[int], found: Mapping[int, Checkpoint]) -> int:
    """Of some versions, the one that was chosen last; of those never chosen, the newest."""
    return max(numbers, key=lambda number: (found[number].chosen_us, number))


def read_by(projection: str, fingerprint: str, checkpoints: Mapping[str, Checkpoint]) -> int | None:
    """The version that is read: by the code with ``fingerprint`` if it has one that can be, else
    by whatever code was there before it."""
    every = versions_of(projection, checkpoints)
    found = {number: one for number, one in every.items() if one.readable}
    mine = [number for number, one in found.items() if one.fingerprint == fingerprint]
    return latest(mine or found.keys(), found) if found else None


def versions_of(projection: str, checkpoints: Mapping[str, Checkpoint]) -> dict[int, Checkpoint]:
    """All versions that there are, by number."""
    return {
        number: checkpoint
        for name, checkpoint in checkpoints.items()
        if (number := _number(projection, name))
    }


def _number(projection: str, name: str) -> int:
    prefix, _, tail = name.rpartition("_")
    return int(tail) if prefix == projection and tail.isdigit() else 0

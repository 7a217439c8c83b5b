"""Versions of read models: code finds the version it made by the fingerprint of its folds.

A changed fold never continues a table that other code filled. It gets a table of its own, which
``rebuild`` fills from the log while processes with the former code go on with theirs.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from twofold.ports.read_store import Checkpoint


class Version(msgspec.Struct, frozen=True):
    """The version of a projection that this code uses, and the versions that others made.

    ``outdated``: there are versions, but none was made by this code.
    """

    number: int
    others: tuple[int, ...]

    @property
    def outdated(self) -> bool:
        """Whether this code's version has yet to be built beside older ones."""
        return bool(self.others) and self.number > max(self.others)


def table_name(projection: str, version: int) -> str:
    """The table and checkpoint of a version."""
    return f"{projection}_{version}"


def version_of(projection: str, fingerprint: str, checkpoints: Mapping[str, Checkpoint]) -> Version:
    """The version that ``fingerprint`` made, or the number for a new one."""
    found = versions_of(projection, checkpoints)
    mine = [n for n, checkpoint in found.items() if checkpoint.fingerprint == fingerprint]
    number = max(mine, default=max(found, default=0) + 1)
    return Version(number, tuple(sorted(found.keys() - {number})))


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

"""Versions of streams that need no look, because nobody else has moved the log since."""

from __future__ import annotations

from collections.abc import Mapping

_LIMIT = 50_000


class KnownVersions:
    """What this process knows of streams as of one head of the log.

    Every append moves the head, so a head that is where this process left it proves that no
    version has changed. Ask and tell only about a head read under the lock that orders the log.
    """

    def __init__(self) -> None:
        self._head = -1
        self._versions: dict[str, int] = {}

    def at(self, head: int) -> Mapping[str, int]:
        """The versions known as of ``head``; none if the head has been moved by somebody else."""
        return self._versions if head == self._head else {}

    def moved(self, before: int, head: int, versions: Mapping[str, int]) -> None:
        """A transaction that began at ``before`` was committed; ``versions`` are what it saw."""
        if head < self._head:
            return
        if before != self._head or len(self._versions) > _LIMIT:
            self._versions = {}
        self._versions.update(versions)
        self._head = head

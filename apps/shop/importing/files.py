"""Reading files line by line, plain or gzipped, and remembering what was rejected."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, cast

GZIP = b"\x1f\x8b"


class Reject(NamedTuple):
    """A line that was not taken over: its number in the file, why, and what it held."""

    number: int
    why: str
    raw: tuple[str, ...]


class Rejects:
    """All rejected lines, counted by reason."""

    def __init__(self) -> None:
        self.lines: list[Reject] = []
        self._reasons: Counter[str] = Counter()

    def add(self, number: int, why: str, *raw: str) -> None:
        """One more."""
        self._reasons[why] += 1
        self.lines.append(Reject(number, why, raw))

    @property
    def by_reason(self) -> dict[str, int]:
        """How many for each reason, the most frequent first."""
        return dict(self._reasons.most_common())


@contextmanager
def opened(file: Path) -> Iterator[IO[str]]:
    """The text of ``file``, whose first bytes tell whether it is gzipped."""
    with file.open("rb") as plain:
        zipped = plain.read(len(GZIP)) == GZIP
    how = gzip.open if zipped else open
    with how(file, "rt", encoding="utf-8-sig", newline="") as text:
        yield cast(IO[str], text)

"""Dates for imported programs, from a university's course sections.

The sections have times of day and parts of a summer term, but no days, and nothing connects them
with the programs: the days below and the join are ours, and every offer made so says it.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from training.files import opened

JOINED = "Dates joined by us from course section {section}, {term}; the course itself is another."
_FIRST_YEAR = 2017
_BEGINS = {
    "1": (5, 15),
    "S1": (5, 15),
    "SF": (5, 15),
    "LF": (6, 1),
    "S2": (6, 12),
    "S2A": (6, 12),
    "S2B": (7, 10),
}


class Section(NamedTuple):
    """A section with times: which one, when in the summer, and which summer of seven."""

    name: str
    term: str
    summer: int
    month: int
    day: int
    start_time: str
    end_time: str

    @property
    def remark(self) -> str:
        """Says what is ours."""
        return JOINED.format(section=self.name, term=self.term)

    def dates(self, now: datetime, days: int) -> tuple[date, date]:
        """The first and the last day, in the summers from next year on."""
        first = date(now.year + 1 + self.summer, self.month, self.day)
        return first, first + timedelta(days=days - 1)


def sections(file: Path) -> Sequence[Section]:
    """The sections of ``file`` that have times of day. Raises InvalidInput."""
    with opened(file) as text:
        return [section for row in csv.DictReader(text) if (section := _section(row))]


def _section(row: dict[str, str]) -> Section | None:
    begins = _BEGINS.get(row.get("Part of Term") or "")
    start, end = _time(row.get("Start Time")), _time(row.get("End Time"))
    if begins is None or start is None or end is None or start >= end:
        return None
    name = f"{row['Subject']} {row['Number']} {row['Section']}".strip()
    summer = int(row["Year"]) - _FIRST_YEAR
    return Section(name, f"{row['Term']} {row['Year']}".lower(), summer, *begins, start, end)


def _time(text: str | None) -> str | None:
    try:
        return datetime.strptime(text or "", "%I:%M %p").strftime("%H:%M")
    except ValueError:
        return None

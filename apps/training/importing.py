"""Importing programs of another system: every line of the file is accounted for.

A line is rejected only if it can't be read. What is merely odd is taken over and counted: programs
without a provider, costs and hours that can't be true.
"""

from __future__ import annotations

import asyncio
import csv
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec

from training.files import opened
from training.modules.offers.contracts import OfferId
from training.modules.offers.lifecycle import DraftOffer, PublishOffer
from training.modules.offers.terms import HIGHEST_PRICE
from training.modules.programs.contracts import AuthorId, Level, ProgramId
from training.modules.programs.program import ImportProgram
from training.sections import Section
from twofold import SYSTEM, Caller, InvalidInput, Sent, System
from twofold.errors import KeyReused
from twofold.messages.validation import read_value

COLUMNS = (
    "programid",
    "officialname",
    "name",
    "totalcost",
    "totalclockhours",
    "cipcode",
    "prerequisites",
    "description",
    "featuresdescription",
)
_AT_ONCE = 200
_HOURS_A_DAY = 8
_MOST_DAYS = 365
_PLACES = 20
_AUTHOR = AuthorId("import")
_IMPORTER = Caller("import", "the import", SYSTEM.roles | {"admin"})
# The first two digits of a CIP code name a family; these are the families' usual names, shortened.
_FAMILIES = {
    "01": "agriculture",
    "09": "communication",
    "10": "media",
    "11": "computing",
    "12": "culinary and personal services",
    "13": "education",
    "14": "engineering",
    "15": "engineering technology",
    "16": "languages",
    "19": "family and consumer sciences",
    "22": "law",
    "24": "liberal arts",
    "30": "interdisciplinary",
    "31": "recreation and fitness",
    "32": "basic skills",
    "34": "health skills",
    "43": "security",
    "46": "construction",
    "47": "mechanics and repair",
    "48": "precision production",
    "49": "transport",
    "50": "arts",
    "51": "health",
    "52": "business",
}


class Accounting(msgspec.Struct, rename="camel"):
    """What became of the file's lines: ``lines = accepted + rejected``.

    ``programs`` are new here, ``updated`` have a new revision; ``offers`` were made for them.
    ``odd`` counts what was taken over although it can't be true, and offers that can't be made.
    """

    lines: int = 0
    accepted: int = 0
    rejected: int = 0
    programs: int = 0
    updated: int = 0
    unchanged: int = 0
    offers: int = 0
    offers_unchanged: int = 0
    odd: dict[str, int] = {}
    rejected_by_reason: dict[str, int] = {}


Reject = tuple[int, str, Sequence[str]]


class ProgramImport:
    """One import of one file; with ``dates`` each program gets an offer.

    ``report(lines read, lines in all)`` is called now and then.
    """

    def __init__(
        self,
        system: System,
        file: Path,
        dates: Sequence[Section] = (),
        report: Callable[[int, int], None] | None = None,
    ) -> None:
        self._system = system
        self._file = file
        self._dates = dates
        self._report = report
        self._odd: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._room = asyncio.Semaphore(_AT_ONCE)
        self.rejects: list[Reject] = []
        self.accounting = Accounting()

    async def run(self) -> Accounting:
        """Import. Raises InvalidInput for a file that can't be read as programs; nothing of it
        is taken over then."""
        rows = list(self._rows())
        self.accounting.lines = len(rows)
        await asyncio.gather(*(self._one(*row) for row in enumerate(rows, 2)))
        self.accounting.odd = dict(sorted(self._odd.items()))
        self.accounting.rejected_by_reason = dict(sorted(self._reasons.items()))
        self.rejects.sort(key=lambda reject: reject[0])
        return self.accounting

    def _rows(self) -> Iterator[dict[str, str]]:
        with opened(self._file) as text:
            reader = csv.DictReader(text, restval="")
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise InvalidInput(f"{self._file}: no column {', '.join(missing)}")
            for row in reader:
                yield {name: row[name].strip() for name in COLUMNS}

    async def _one(self, number: int, row: dict[str, str]) -> None:
        async with self._room:
            try:
                command, cost = self._read(row)
            except InvalidInput as exc:
                self._reject(number, str(exc), row)
                return
            await self._take_over(command)
            if self._dates:
                await self._offer(command, cost, number)
        self.accounting.accepted += 1
        if self._report is not None and self.accounting.accepted % 50 == 0:
            self._report(self.accounting.accepted, self.accounting.lines)

    def _read(self, row: dict[str, str]) -> tuple[ImportProgram, Decimal]:
        if not row["programid"]:
            raise InvalidInput("missing program id")
        if not row["officialname"]:
            raise InvalidInput("missing name")
        cost = _number(row["totalcost"], "cost is no number")
        hours = _number(row["totalclockhours"], "hours are no number")
        raw: dict[str, Any] = {
            "programId": f"etpl-{row['programid']}",
            "author": _AUTHOR,
            "title": _plain(row["officialname"]),
            "description": _description(row),
            "categories": [_FAMILIES.get(row["cipcode"].zfill(6)[:2], "other")],
            "level": _level(row["prerequisites"]),
            "trainer": _plain(row["name"]),
            "durationInDays": self._days(hours),
        }
        command = read_value(ImportProgram, raw)
        self._note(not command.trainer, "no provider")
        self._note(cost == 0, "cost of 0")
        self._note(cost < 0 or cost > HIGHEST_PRICE, f"cost beyond 0 to {HIGHEST_PRICE:,}")
        return command, cost

    def _days(self, hours: Decimal) -> int:
        days = math.ceil(hours / _HOURS_A_DAY)
        self._note(days < 1, "no hours")
        self._note(days > _MOST_DAYS, f"more than {_MOST_DAYS} days")
        return min(max(days, 1), _MOST_DAYS)

    async def _take_over(self, command: ImportProgram) -> None:
        done = await self._system.send(command, Sent(caller=_IMPORTER))
        if not done.events:
            self.accounting.unchanged += 1
        elif done.created:
            self.accounting.programs += 1
        else:
            self.accounting.updated += 1

    async def _offer(self, program: ImportProgram, cost: Decimal, number: int) -> None:
        """One offer, made once: its key is the program's."""
        if not 0 <= cost <= HIGHEST_PRICE:
            self._odd["no offer at such a cost"] += 1
            return
        section = self._dates[number % len(self._dates)]
        key = f"offer-{program.program_id}"
        try:
            draft = self._draft(program.program_id, cost, section, program.duration_in_days)
            done = await self._system.send(draft, Sent(caller=_IMPORTER, key=key))
        except KeyReused:
            # Made by an earlier import, for other dates or another price: managers own it now.
            self.accounting.offers_unchanged += 1
            return
        publish = PublishOffer(offer_id=OfferId(msgspec.json.decode(done.answer)["offerId"]))
        await self._system.send(publish, Sent(caller=_IMPORTER, key=f"publish-{key}"))
        if done.replayed:
            self.accounting.offers_unchanged += 1
        else:
            self.accounting.offers += 1

    def _draft(
        self, program_id: ProgramId, cost: Decimal, section: Section, days: int
    ) -> DraftOffer:
        first, last = section.dates(self._system.clock.now(), days)
        return DraftOffer(
            program_id=program_id,
            price=cost,
            currency="USD",
            minimum_participants=1,
            maximum_participants=_PLACES,
            start_date=first,
            end_date=last,
            start_time=section.start_time,
            end_time=section.end_time,
            remark=section.remark,
        )

    def _note(self, true: bool, what: str) -> None:
        self._odd[what] += true
        if not self._odd[what]:
            del self._odd[what]

    def _reject(self, number: int, why: str, row: dict[str, str]) -> None:
        self.accounting.rejected += 1
        self._reasons[why] += 1
        self.rejects.append((number, why, tuple(row.values())))


def _number(text: str, otherwise: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise InvalidInput(otherwise) from None
    if not number.is_finite() or abs(number) >= 10**12:
        raise InvalidInput(otherwise)
    return number.quantize(Decimal("0.01")) if number != number.to_integral() else number


def _plain(text: str) -> str:
    """Without the quotes that the file has around texts with commas."""
    return text.strip('" \n')


def _description(row: dict[str, str]) -> str:
    parts = [_plain(row["description"]), _plain(row["featuresdescription"])]
    if _asked(row["prerequisites"]):
        parts.append(f"Prerequisites: {_plain(row['prerequisites'])}")
    return "\n\n".join(part for part in parts if part)


def _asked(prerequisites: str) -> bool:
    return _plain(prerequisites).casefold().rstrip(".") not in ("", "none", "n/a", "na")


def _level(prerequisites: str) -> Level:
    """The file knows no levels: whoever needs nothing is a beginner; that is ours."""
    return Level.INTERMEDIATE if _asked(prerequisites) else Level.BEGINNER

"""Importing programs, and replaying another business's reviews: everything is accounted for."""

from __future__ import annotations

import csv
import gzip
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from training.importing import COLUMNS, Accounting, ProgramImport
from training.replaying import Replay, step_of
from training.sections import sections
from twofold import InvalidInput, System
from twofold.ports.read_store import Select

DATA = os.environ.get("TWOFOLD_DATA", "")
real = pytest.mark.skipif(not DATA, reason="TWOFOLD_DATA names no real data")
GOOD = {
    "programid": "1",
    "officialname": '"Welding, basic"',
    "name": "Hall School",
    "totalcost": "1400",
    "totalclockhours": "20",
    "cipcode": "460302",
    "prerequisites": "None",
    "description": "How to weld.",
    "featuresdescription": "",
}
DIRTY = [
    GOOD,
    {**GOOD, "programid": "2", "name": "", "totalcost": "0", "totalclockhours": "0"},
    {**GOOD, "programid": "3", "totalcost": "41984198", "totalclockhours": "9999"},
    {**GOOD, "programid": "", "totalcost": "1"},
    {**GOOD, "programid": "5", "officialname": ""},
    {**GOOD, "programid": "6", "totalcost": "a lot"},
    {**GOOD, "programid": "7", "totalclockhours": "NaN"},
    {**GOOD, "programid": "8", "officialname": "x" * 201},
    {**GOOD, "programid": "9", "cipcode": "1", "prerequisites": "Diploma"},
]
SECTIONS = """Year,Term,Subject,Number,Section,Part of Term,Start Time,End Time
2017,Summer,AAS,310,A,S2,05:00 PM,07:00 PM
2017,Summer,AAS,290,B,1,ARRANGED,
2018,Summer,AAS,291,,XX,05:00 PM,07:00 PM
"""


def written(folder: Path, rows: list[dict[str, str]]) -> Path:
    """A file of ``rows``."""
    file = folder / "programs.csv"
    with file.open("w", newline="") as text:
        writer = csv.DictWriter(text, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return file


def dates(folder: Path) -> Any:
    """The one section that has times and a part of a term."""
    file = folder / "sections.csv"
    file.write_text(SECTIONS)
    return sections(file)


async def imported(system: System, file: Path, known: Any = ()) -> ProgramImport:
    """The import, done."""
    job = ProgramImport(system, file, known)
    await job.run()
    return job


async def documents(system: System, name: str) -> list[Any]:
    """All documents of a read model."""
    folding = system.wired.foldings[name]
    found = await system.read_store.select(system.tables[name], Select(limit=10_000))
    return [folding.model.decode(raw) for raw in found.documents]


async def test_every_line_is_accounted_for(training: System, tmp_path: Path) -> None:
    job = await imported(training, written(tmp_path, DIRTY), dates(tmp_path))
    assert job.accounting == Accounting(
        lines=9,
        accepted=4,
        rejected=5,
        programs=4,
        offers=3,
        odd={
            "cost beyond 0 to 1,000,000": 1,
            "cost of 0": 1,
            "more than 365 days": 1,
            "no hours": 1,
            "no offer at such a cost": 1,
            "no provider": 1,
        },
        rejected_by_reason={
            "cost is no number": 1,
            "hours are no number": 1,
            "missing name": 1,
            "missing program id": 1,
            "title: may have at most 200 characters": 1,
        },
    )
    assert [number for number, _, _ in job.rejects] == [5, 6, 7, 8, 9]


async def test_importing_again_changes_nothing(training: System, tmp_path: Path) -> None:
    file, known = written(tmp_path, DIRTY), dates(tmp_path)
    await imported(training, file, known)
    head = await training.log.head()
    again = await imported(training, file, known)
    # Processes go on by themselves; nothing of the import's own is recorded again.
    assert (again.accounting.unchanged, again.accounting.offers_unchanged) == (4, 3)
    assert (again.accounting.programs, again.accounting.offers) == (0, 0)
    late = await training.log.read(head, 1_000)
    assert not [r for r in late if r.category in ("program", "offer")]


async def test_a_changed_line_is_a_new_revision(training: System, tmp_path: Path) -> None:
    await imported(training, written(tmp_path, [GOOD]))
    changed = {**GOOD, "officialname": "Welding"}
    job = await imported(training, written(tmp_path, [changed]))
    assert job.accounting.updated == 1
    (page,) = await documents(training, "training_program_page")
    assert [revision.title for revision in page.revisions.values()] == ["Welding, basic", "Welding"]


async def test_offers_say_that_their_dates_are_joined_by_us(
    training: System, tmp_path: Path
) -> None:
    await imported(training, written(tmp_path, [GOOD]), dates(tmp_path))
    offers = [card for card in await documents(training, "training_offer") if card.listed]
    (card,) = offers
    assert card.remark.startswith("Dates joined by us from course section AAS 310 A, summer 2017")
    assert (card.begins.strftime("%m-%d %H:%M"), card.title) == ("06-12 17:00", "Welding, basic")
    assert (card.ends - card.begins).days == 2


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"a,b\n1,2\n", "no column programid"), (b"\xff\xfe\x00", "can't be read"), (b"", "column")],
)
async def test_files_that_are_something_else_are_refused(
    training: System, tmp_path: Path, content: bytes, why: str
) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(content)
    with pytest.raises(InvalidInput, match=why):
        await imported(training, file)
    assert await training.log.head() == 0


async def test_half_a_file_takes_over_nothing(training: System, tmp_path: Path) -> None:
    whole = gzip.compress(written(tmp_path, [GOOD] * 200).read_bytes())
    half = tmp_path / "half.csv.gz"
    half.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidInput, match="can't be read to its end"):
        await imported(training, half)
    assert await training.log.head() == 0


@real
async def test_the_real_programs_with_their_dirt(training: System) -> None:
    folder = Path(DATA)
    known = sections(folder / "course_sections/sections_2017_2023.csv.gz")
    job = await imported(training, folder / "training_programs/programs.csv.gz", known)
    told = job.accounting
    assert (told.lines, told.accepted, told.rejected) == (1_110, 1_110, 0)
    assert (told.programs, told.offers) == (1_110, 1_109)
    assert told.odd["no provider"] == 145
    assert told.odd["cost beyond 0 to 1,000,000"] == 1
    cards = [card for card in await documents(training, "training_offer") if card.listed]
    assert len(cards) == 1_109
    assert not any(card.details_pending for card in cards)


def test_steps_of_the_other_business_are_mapped_openly() -> None:
    assert step_of("Permit SUBMITTED by EMPLOYEE") == "registered"
    assert step_of("Permit FINAL_APPROVED by DIRECTOR") == "accepted"
    assert step_of("Permit REJECTED by SUPERVISOR") == "rejected"
    assert step_of("Permit REJECTED by EMPLOYEE") == "dropped"
    assert step_of("Permit APPROVED by BUDGET OWNER") == "commented"
    assert step_of("Declaration REJECTED by EMPLOYEE") == ""
    assert step_of("Start trip") == ""


@real
async def test_the_real_cases_run_through_the_reviews(training: System) -> None:
    file = Path(DATA) / "permit_flow/events.csv.gz"
    told = await Replay(training, file).run()
    assert (told.cases, told.events) == (1_478, 26_028)
    parts = Counter(told.mapped) + Counter(told.refused) + Counter(told.unmapped)
    assert sum(parts.values()) + told.silent == told.events
    assert told.mapped["registered"] == 1_670
    statuses = Counter(row.status for row in await documents(training, "review"))
    assert statuses["queued"] + statuses["assigned"] < 100

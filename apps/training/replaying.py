"""A real approval workflow, run through the review module as a workload.

The file has the cases of another business (travel permits). Their steps are mapped to ours so:

    Permit SUBMITTED                     registered, another round if it comes again
    Permit APPROVED, FOR_APPROVAL        commented: one of several who look at it
    Permit FINAL_APPROVED                accepted
    Permit REJECTED, not by the employee rejected
    Permit REJECTED by EMPLOYEE          dropped: the author takes it back

Everything else (declarations, payments, trips) has no counterpart here and is counted by name.
"""

from __future__ import annotations

import asyncio
import csv
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from training.files import opened
from training.modules.programs.contracts import AuthorId, Level, ProposalId
from training.modules.reviews.contracts import ReviewerId
from training.modules.reviews.domain import (
    AcceptReview,
    CommentReview,
    DescribeReviewer,
    DropReview,
    RegisterReview,
    RejectReview,
)
from twofold import SYSTEM, Caller, Command, InvalidInput, NotFound, Refused, Sent, System

COLUMNS = ("case_id", "concept_name", "time_timestamp")
_CASES_AT_ONCE = 30
_REVIEWERS = 20
_CALLER = Caller("replay", "the replay", SYSTEM.roles | {"admin"})
_STEPS = {
    "SUBMITTED": "registered",
    "APPROVED": "commented",
    "FOR_APPROVAL": "commented",
    "FINAL_APPROVED": "accepted",
    "REJECTED": "rejected",
}


class ReplayAccounting(msgspec.Struct, rename="camel"):
    """What became of the events: ``events = Σ mapped + silent + Σ refused + Σ unmapped``.

    ``silent`` are repeated decisions, ``refused`` what our rules forbid.
    """

    cases: int = 0
    events: int = 0
    silent: int = 0
    mapped: dict[str, int] = {}
    refused: dict[str, int] = {}
    unmapped: dict[str, int] = {}


Row = tuple[str, datetime]


class Replay:
    """One replay of one file."""

    def __init__(self, system: System, file: Path) -> None:
        self._system = system
        self._file = file
        self._mapped: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._unmapped: Counter[str] = Counter()
        self._room = asyncio.Semaphore(_CASES_AT_ONCE)
        self.accounting = ReplayAccounting()

    async def run(self) -> ReplayAccounting:
        """Replay. Raises InvalidInput for a file that can't be read as events."""
        cases = self._cases()
        for number in range(_REVIEWERS):
            who = f"replay-reviewer-{number + 1}"
            await self._system.send(
                DescribeReviewer(reviewer_id=ReviewerId(who), name=who), Sent(caller=_CALLER)
            )
        await asyncio.gather(*(self._case(case, rows) for case, rows in cases.items()))
        self.accounting.cases = len(cases)
        self.accounting.mapped = dict(self._mapped)
        self.accounting.refused = dict(self._refused)
        self.accounting.unmapped = dict(self._unmapped.most_common())
        return self.accounting

    def _cases(self) -> dict[str, list[Row]]:
        cases: defaultdict[str, list[Row]] = defaultdict(list)
        with opened(self._file) as text:
            reader = csv.DictReader(text)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise InvalidInput(f"{self._file}: no column {', '.join(missing)}")
            for row in reader:
                at = datetime.fromisoformat(row["time_timestamp"])
                cases[row["case_id"]].append((row["concept_name"], at))
        return dict(cases)

    async def _case(self, case: str, rows: Sequence[Row]) -> None:
        async with self._room:
            rounds = 0
            for name, at in sorted(rows, key=lambda row: row[1]):
                self.accounting.events += 1
                step = step_of(name)
                if not step:
                    self._unmapped[name] += 1
                    continue
                rounds += step == "registered"
                await self._send(step, _command(step, ProposalId(case), name, rounds), at)

    async def _send(self, step: str, command: Command, at: datetime) -> None:
        try:
            done = await self._system.send(command, Sent(caller=_CALLER, at=at))
        except (Refused, NotFound) as refusal:
            self._refused[f"{step}: {type(refusal).__name__}"] += 1
            return
        if done.events:
            self._mapped[step] += 1
        else:
            self.accounting.silent += 1


def step_of(name: str) -> str:
    """Our step for theirs; "" if there is none."""
    what, _, rest = name.partition(" ")
    verb, _, by = rest.partition(" by ")
    if what != "Permit":
        return ""
    return "dropped" if (verb, by) == ("REJECTED", "EMPLOYEE") else _STEPS.get(verb, "")


def _command(step: str, case: ProposalId, name: str, rounds: int) -> Command:
    match step:
        case "registered":
            return RegisterReview(
                proposal_id=case,
                author=AuthorId("employee"),
                round=rounds,
                title=case,
                level=Level.BEGINNER,
                duration_in_days=1,
            )
        case "commented":
            return CommentReview(proposal_id=case, text=name)
        case "accepted":
            return AcceptReview(proposal_id=case, comment=name)
        case "rejected":
            return RejectReview(proposal_id=case, comment=name)
        case _:
            return DropReview(proposal_id=case)

"""Reviews as reviewers look at them: the desk, and who reviews what."""

from __future__ import annotations

from datetime import datetime

from training.modules.programs.contracts import AuthorId, ProposalId, Summary
from training.modules.reviews.contracts import (
    ReviewAccepted,
    ReviewAssigned,
    ReviewCommented,
    ReviewDropped,
    ReviewerDescribed,
    ReviewerId,
    ReviewEvent,
    ReviewRegistered,
    ReviewRejected,
    ReviewStatus,
    Specialist,
)
from twofold import (
    Facet,
    Key,
    Owner,
    Projection,
    Query,
    Reader,
    ReadModel,
    Recorded,
    Select,
    Sort,
    Value,
    answers,
    equal,
)

S = ReviewStatus
_MOST_REVIEWERS = 200


class Note(Value):
    """A comment on a proposal, with or without a decision."""

    text: str
    by: str
    at: datetime


class ReviewRow(Summary, ReadModel):
    """A review on the desk, or in the queue (``reviewer`` is "" there)."""

    proposal_id: Key[ProposalId]
    author: Facet[AuthorId]
    reviewer: Owner[Facet[ReviewerId]] = ReviewerId("")
    status: Facet[ReviewStatus]
    round: int
    registered_at: Sort[datetime]
    changed_at: Sort[datetime]
    notes: tuple[Note, ...] = ()
    version: int


class ReviewerRow(Specialist, ReadModel):
    """Somebody who reviews."""

    reviewer_id: Key[ReviewerId]
    version: int


reviews = Projection(ReviewRow, name="review")
reviewers = Projection(ReviewerRow, name="reviewer")


@reviews.on
def followed(row: ReviewRow | None, event: ReviewEvent, meta: Recorded) -> ReviewRow:
    """The row after ``event``; what comes again changes nothing."""
    if row is not None and meta.version <= row.version:
        return row
    at = {"version": meta.version, "changed_at": meta.time}
    if isinstance(event, ReviewRegistered):
        notes = row.notes if row else ()
        known = {"proposal_id": ProposalId(meta.stream_id), "status": S.QUEUED, "notes": notes}
        return ReviewRow.of(event, registered_at=meta.time, **known, **at)
    assert row is not None
    return _moved(row, event, meta).but(**at)


def _moved(row: ReviewRow, event: ReviewEvent, meta: Recorded) -> ReviewRow:
    match event:
        case ReviewAssigned():
            return row.but(status=S.ASSIGNED, reviewer=event.reviewer)
        case ReviewCommented():
            return row.but(notes=_noted(row, event.text, meta))
        case ReviewAccepted():
            return row.but(status=S.ACCEPTED, notes=_noted(row, event.comment, meta))
        case ReviewRejected():
            return row.but(status=S.REJECTED, notes=_noted(row, event.comment, meta))
        case ReviewDropped():
            return row.but(status=S.DROPPED)
        case ReviewRegistered():
            return row


def _noted(row: ReviewRow, text: str, meta: Recorded) -> tuple[Note, ...]:
    return (*row.notes, Note(text=text, by=meta.actor, at=meta.time))


@reviewers.on
def described(row: ReviewerRow | None, event: ReviewerDescribed, meta: Recorded) -> ReviewerRow:
    """The latest description."""
    if row is not None and meta.version <= row.version:
        return row
    return ReviewerRow.of(event, reviewer_id=ReviewerId(meta.stream_id), version=meta.version)


class Load(Value):
    """A reviewer with what they have to do."""

    reviewer_id: str
    name: str
    specialities: tuple[str, ...]
    open: int


class Loads(Value):
    """All reviewers, and how many reviews wait for one."""

    items: tuple[Load, ...]
    queued: int


class AskLoads(Query[Loads]):
    """Who reviews, and how much each has to do."""


@answers(reviewers, reviews)
async def loads(query: AskLoads, read: Reader) -> Loads:
    """Open reviews are counted where they are listed, so the two never differ."""
    assigned = equal(_status, S.ASSIGNED.value)
    selected = await read.select(reviews, Select(where=(assigned,), facets=("reviewer",), limit=1))
    counts = {count.value: count.count for count in selected.facets["reviewer"]}
    waiting = equal(_status, S.QUEUED.value)
    queued = await read.select(reviews, Select(where=(waiting,), limit=1))
    known = await read.documents(reviewers, Select(limit=_MOST_REVIEWERS, total=False))
    return Loads(
        items=tuple(
            Load(
                reviewer_id=row.reviewer_id,
                name=row.name,
                specialities=row.specialities,
                open=counts.get(row.reviewer_id, 0),
            )
            for row in known
        ),
        queued=queued.total or 0,
    )


def _status(row: ReviewRow) -> ReviewStatus:
    return row.status

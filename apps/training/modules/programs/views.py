"""Proposals as their authors and reviewers look at them: a list, and one with its history."""

from __future__ import annotations

from datetime import datetime

from training.modules.programs.contracts import (
    AuthorId,
    Content,
    ProposalAccepted,
    ProposalDrafted,
    ProposalEvent,
    ProposalId,
    ProposalRejected,
    ProposalReleased,
    ProposalReleaseFailed,
    ProposalReviewStarted,
    ProposalRevised,
    ProposalStatus,
    ProposalSubmitted,
    ProposalWithdrawn,
    Shortcoming,
    Summary,
)
from training.modules.programs.specification import shortcomings
from twofold import (
    Facet,
    Key,
    Owner,
    Projection,
    Query,
    Reader,
    ReadModel,
    Recorded,
    Sort,
    Value,
    answers,
)

S = ProposalStatus
_AFTER: dict[type, ProposalStatus] = {
    ProposalSubmitted: S.SUBMITTED,
    ProposalReviewStarted: S.IN_REVIEW,
    ProposalAccepted: S.ACCEPTED,
    ProposalRejected: S.REJECTED,
    ProposalReleased: S.RELEASED,
    ProposalReleaseFailed: S.RELEASE_FAILED,
    ProposalWithdrawn: S.WITHDRAWN,
}


class ProposalRow(Summary, ReadModel):
    """A proposal in a list."""

    proposal_id: Key[ProposalId]
    author: Owner[Facet[AuthorId]]
    status: Facet[ProposalStatus]
    changed_at: Sort[datetime]
    version: int


class Entry(Value):
    """Something that happened to a proposal."""

    what: str
    at: datetime
    by: str
    note: str = ""


class ProposalPage(Content, ReadModel):
    """A proposal with all its texts, what is wrong with them, and its history."""

    proposal_id: Key[ProposalId]
    author: Owner[AuthorId]
    status: Facet[ProposalStatus]
    version: int
    shortcomings: tuple[Shortcoming, ...]
    comment: str = ""
    timeline: tuple[Entry, ...]


proposals = Projection(ProposalRow, name="proposal")
proposal_pages = Projection(ProposalPage, name="proposal_page")


@proposals.on
def listed(row: ProposalRow | None, event: ProposalEvent, meta: Recorded) -> ProposalRow:
    """The row after ``event``; what comes again changes nothing."""
    if row is None:
        begun = {"proposal_id": ProposalId(meta.stream_id), "status": S.DRAFT}
        return ProposalRow.of(event, version=meta.version, changed_at=meta.time, **begun)
    if meta.version <= row.version:
        return row
    status = _AFTER.get(type(event), row.status)
    return ProposalRow.of(event, row, status=status, version=meta.version, changed_at=meta.time)


@proposal_pages.on
def shown(page: ProposalPage | None, event: ProposalEvent, meta: Recorded) -> ProposalPage:
    """The page after ``event``: content, what is wrong with it, and one entry more."""
    if page is None:
        assert isinstance(event, ProposalDrafted)
        return ProposalPage.of(
            event,
            proposal_id=ProposalId(meta.stream_id),
            status=S.DRAFT,
            version=meta.version,
            shortcomings=shortcomings(event),
            timeline=(_entry("drafted", meta),),
        )
    if meta.version <= page.version:
        return page
    status = _AFTER.get(type(event), page.status)
    what = "changed" if isinstance(event, ProposalRevised) else status.spoken
    page = ProposalPage.of(
        event,
        page,
        status=status,
        version=meta.version,
        timeline=(*page.timeline, _entry(what, meta, _note(event))),
    )
    return page.but(shortcomings=shortcomings(page))


def _note(event: ProposalEvent) -> str:
    match event:
        case ProposalAccepted() | ProposalRejected():
            return event.comment
        case ProposalWithdrawn():
            return event.reason
        case ProposalReleaseFailed():
            return "; ".join(f"{one.field}: {one.message}" for one in event.shortcomings)
        case _:
            return ""


def _entry(what: str, meta: Recorded, note: str = "") -> Entry:
    return Entry(what=what, at=meta.time, by=meta.actor, note=note)


class CheckProposal(Content, Query[list[Shortcoming]]):
    """What would keep these texts from being released; for forms, while they are filled in."""


@answers(proposals)
async def check_proposal(query: CheckProposal, read: Reader) -> list[Shortcoming]:
    """The release specification alone; nothing is stored."""
    return list(shortcomings(query))

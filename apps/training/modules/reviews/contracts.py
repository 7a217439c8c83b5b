"""What other modules may know of reviews."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, NewType

from msgspec import Meta

from training.modules.programs.contracts import AuthorId, Category, Summary
from twofold import Event, Value

ReviewerId = NewType("ReviewerId", str)
Comment = Annotated[str, Meta(min_length=1, max_length=5_000)]


class ReviewStatus(StrEnum):
    """queued → assigned → accepted or rejected; dropped when the author took the proposal back."""

    QUEUED = "queued"
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DROPPED = "dropped"


class Specialist(Value):
    """A reviewer and what they know best."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    specialities: Annotated[tuple[Category, ...], Meta(max_length=50)] = ()


class ReviewerDescribed(Specialist, Event):
    """Somebody reviews, or their specialities changed."""


class ReviewRegistered(Summary, Event):
    """A proposal waits for a reviewer. ``round`` is the proposal's."""

    author: AuthorId
    round: int


class ReviewAssigned(Event):
    """A reviewer has it on the desk."""

    reviewer: ReviewerId
    round: int


class ReviewCommented(Event):
    """The reviewer noted something."""

    text: str


class ReviewAccepted(Event):
    """The reviewer said yes."""

    comment: str
    round: int


class ReviewRejected(Event):
    """The reviewer said no."""

    comment: str
    round: int


class ReviewDropped(Event):
    """There is nothing left to decide."""

    round: int


ReviewEvent = (
    ReviewRegistered
    | ReviewAssigned
    | ReviewCommented
    | ReviewAccepted
    | ReviewRejected
    | ReviewDropped
)

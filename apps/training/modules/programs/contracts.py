"""What other modules may know of proposals and programs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, NewType

from msgspec import Meta

from twofold import Between, Event, Facet, Owner, Parameter, Search, Sort, Value

ProposalId = NewType("ProposalId", str)
ProgramId = NewType("ProgramId", str)
AuthorId = NewType("AuthorId", str)

Text = Annotated[str, Meta(max_length=20_000)]
Category = Annotated[str, Meta(min_length=1, max_length=60)]
Reason = Annotated[str, Meta(min_length=1, max_length=1_000)]


class Level(StrEnum):
    """For whom a training is."""

    BEGINNER = "beginner"
    INTERMEDIATE = "intermediate"
    ADVANCED = "advanced"


class ProposalStatus(StrEnum):
    """draft → submitted → in review → accepted → released, or one of the ways out."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    IN_REVIEW = "in-review"
    ACCEPTED = "accepted"
    RELEASED = "released"
    RELEASE_FAILED = "release-failed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"

    @property
    def spoken(self) -> str:
        """As people say it."""
        return self.value.replace("-", " ")


class Summary(Value):
    """What lists show of a training: everything but its long texts."""

    title: Sort[Search[Annotated[str, Meta(min_length=1, max_length=200)]]]
    categories: Annotated[
        Facet[Annotated[tuple[Category, ...], Meta(max_length=10)]], Parameter("category")
    ] = ()
    level: Facet[Level]
    trainer: Facet[Search[Annotated[str, Meta(max_length=200)]]] = ""
    duration_in_days: Annotated[
        Sort[Annotated[int, Meta(ge=1, le=365)]],
        Between("minDuration", "maxDuration"),
        Parameter("duration"),
    ]


class Content(Summary):
    """What is taught: the same from the first draft to the released program."""

    description: Search[Text] = ""
    agenda: Search[Text] = ""
    plan: Search[Text] = ""


class Shortcoming(Value):
    """Something that keeps texts from being released."""

    field: str
    message: str


class ProposalDrafted(Content, Event):
    """An author began a proposal."""

    author: Owner[AuthorId]


class ProposalRevised(Content, Event):
    """The author changed it."""


class ProposalSubmitted(Content, Event):
    """It is to be reviewed. The content is repeated: reviewers need nothing else.

    ``round`` counts submissions, from 1: a late decision on a former one means nothing.
    """

    author: AuthorId
    round: int


class ProposalReviewStarted(Event):
    """A reviewer looks at it; the author can change it no more."""


class ProposalAccepted(Content, Event):
    """The reviewer said yes; its program is to be released."""

    author: AuthorId
    comment: str


class ProposalRejected(Event):
    """The reviewer said no."""

    comment: str


class ProposalReleased(Event):
    """Its program is there, under the same id."""


class ProposalReleaseFailed(Event):
    """Its texts are not good enough yet; all that is wrong is named."""

    shortcomings: tuple[Shortcoming, ...]


class ProposalWithdrawn(Event):
    """The author took it back."""

    reason: str


ProposalEvent = (
    ProposalDrafted
    | ProposalRevised
    | ProposalSubmitted
    | ProposalReviewStarted
    | ProposalAccepted
    | ProposalRejected
    | ProposalReleased
    | ProposalReleaseFailed
    | ProposalWithdrawn
)


class ProgramReleased(Content, Event):
    """It can be offered."""

    author: Owner[AuthorId]


class ProgramUpdated(Content, Event):
    """A new revision of all its content."""

    revision: int


class ProgramWithdrawn(Event):
    """It is offered no more."""

    reason: str


ProgramEvent = ProgramReleased | ProgramUpdated | ProgramWithdrawn


class ProgramState(StrEnum):
    """What another module's decision may ask of a program."""

    UNKNOWN = "unknown"
    RELEASED = "released"
    WITHDRAWN = "withdrawn"

"""Training proposals: submitted, decided, withdrawn."""

from enum import StrEnum
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

Level = StrEnum("Level", ["beginner", "intermediate", "advanced"])
Status = StrEnum("Status", ["submitted", "accepted", "rejected", "withdrawn"])


class DecidedOtherwise(Exception):
    """The opposite decision was taken before."""


class Proposal(Aggregate):
    class Submitted(Aggregate.Created):
        title: str
        category: str
        level: Level
        author: str

    class Accepted(Aggregate.Event):
        pass

    class Rejected(Aggregate.Event):
        reason: str

    class Withdrawn(Aggregate.Event):
        pass

    @event(Submitted)
    def __init__(self, title: str, category: str, level: Level, author: str) -> None:
        self.title = title
        self.category = category
        self.level = level
        self.author = author
        self.status = Status.submitted

    def accept(self) -> None:
        if self._is_open_for(Status.accepted):
            self._accept()

    def reject(self, reason: str) -> None:
        if self._is_open_for(Status.rejected):
            self._reject(reason)

    def withdraw(self, author: str) -> None:
        if author != self.author:
            raise PermissionError("Only its author withdraws a proposal")
        if self._is_open_for(Status.withdrawn):
            self._withdraw()

    def _is_open_for(self, decision: Status) -> bool:
        if self.status not in (Status.submitted, decision):
            raise DecidedOtherwise(f"The proposal is {self.status} already")
        return self.status == Status.submitted

    @event(Accepted)
    def _accept(self) -> None:
        self.status = Status.accepted

    @event(Rejected)
    def _reject(self, reason: str) -> None:
        self.status = Status.rejected

    @event(Withdrawn)
    def _withdraw(self) -> None:
        self.status = Status.withdrawn


class Proposals(Application[UUID]):
    def submit(self, title: str, category: str, level: Level, author: str) -> UUID:
        proposal = Proposal(title, category, level, author)
        self.save(proposal)
        return proposal.id

    def accept(self, proposal_id: UUID) -> None:
        proposal: Proposal = self.repository.get(proposal_id)
        proposal.accept()
        self.save(proposal)

    def reject(self, proposal_id: UUID, reason: str) -> None:
        proposal: Proposal = self.repository.get(proposal_id)
        proposal.reject(reason)
        self.save(proposal)

    def withdraw(self, proposal_id: UUID, author: str) -> None:
        proposal: Proposal = self.repository.get(proposal_id)
        proposal.withdraw(author)
        self.save(proposal)

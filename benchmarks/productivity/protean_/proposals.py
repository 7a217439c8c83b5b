"""Training proposals: submitted, decided, withdrawn; and a portfolio to browse."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

from protean import Domain, Index, apply, current_domain, handle
from protean.core.projector import on
from protean.exceptions import InvalidStateError
from protean.fields import DateTime, Identifier, String

domain = Domain(name="training", config={"command_processing": "sync", "event_processing": "sync"})

Level = StrEnum("Level", ["beginner", "intermediate", "advanced"])
Status = StrEnum("Status", ["submitted", "accepted", "rejected", "withdrawn"])


@domain.event(part_of="Proposal")
class ProposalSubmitted:
    proposal_id: str = Identifier(required=True)
    title: str = String(required=True)
    category: str = String(required=True)
    level: str = String(required=True, choices=Level)
    author: str = String(required=True)
    submitted_at: datetime = DateTime(required=True)


@domain.event(part_of="Proposal")
class ProposalAccepted:
    proposal_id: str = Identifier(required=True)


@domain.event(part_of="Proposal")
class ProposalRejected:
    proposal_id: str = Identifier(required=True)
    reason: str = String(required=True)


@domain.event(part_of="Proposal")
class ProposalWithdrawn:
    proposal_id: str = Identifier(required=True)


@domain.command(part_of="Proposal")
class SubmitProposal:
    title: str = String(required=True, min_length=5)
    category: str = String(required=True)
    level: str = String(required=True, choices=Level)
    author: str = String(required=True)


@domain.command(part_of="Proposal")
class AcceptProposal:
    proposal_id: str = Identifier(required=True)


@domain.command(part_of="Proposal")
class RejectProposal:
    proposal_id: str = Identifier(required=True)
    reason: str = String(required=True)


@domain.command(part_of="Proposal")
class WithdrawProposal:
    proposal_id: str = Identifier(required=True)
    author: str = String(required=True)


@domain.aggregate(event_sourced=True)
class Proposal:
    proposal_id: str = Identifier(identifier=True)
    title: str = String(required=True)
    category: str = String(required=True)
    level: str = String(required=True, choices=Level)
    author: str = String(required=True)
    status: str = String(choices=Status, default=Status.submitted)

    @classmethod
    def submit(cls, title: str, category: str, level: str, author: str) -> Self:
        proposal = cls(title=title, category=category, level=level, author=author)
        proposal.raise_(
            ProposalSubmitted(
                proposal_id=proposal.proposal_id,
                title=title,
                category=category,
                level=level,
                author=author,
                submitted_at=datetime.now(UTC),
            )
        )
        return proposal

    def accept(self) -> None:
        if self._is_open_for(Status.accepted):
            self.raise_(ProposalAccepted(proposal_id=self.proposal_id))

    def reject(self, reason: str) -> None:
        if self._is_open_for(Status.rejected):
            self.raise_(ProposalRejected(proposal_id=self.proposal_id, reason=reason))

    def withdraw(self, author: str) -> None:
        if author != self.author:
            raise PermissionError("Only its author withdraws a proposal")
        if self._is_open_for(Status.withdrawn):
            self.raise_(ProposalWithdrawn(proposal_id=self.proposal_id))

    def _is_open_for(self, decision: Status) -> bool:
        if self.status not in (Status.submitted, decision):
            raise InvalidStateError(f"The proposal is {self.status} already")
        return self.status == Status.submitted

    @apply
    def submitted(self, event: ProposalSubmitted) -> None:
        self.proposal_id = event.proposal_id
        self.title = event.title
        self.category = event.category
        self.level = event.level
        self.author = event.author
        self.status = Status.submitted

    @apply
    def accepted(self, event: ProposalAccepted) -> None:
        self.status = Status.accepted

    @apply
    def rejected(self, event: ProposalRejected) -> None:
        self.status = Status.rejected

    @apply
    def withdrawn(self, event: ProposalWithdrawn) -> None:
        self.status = Status.withdrawn


@domain.command_handler(part_of=Proposal)
class ProposalCommandHandler:
    @handle(SubmitProposal)
    def submit(self, command: SubmitProposal) -> str:
        proposal = Proposal.submit(command.title, command.category, command.level, command.author)
        current_domain.repository_for(Proposal).add(proposal)
        return proposal.proposal_id

    @handle(AcceptProposal)
    def accept(self, command: AcceptProposal) -> None:
        repository = current_domain.repository_for(Proposal)
        proposal = repository.get(command.proposal_id)
        proposal.accept()
        repository.add(proposal)

    @handle(RejectProposal)
    def reject(self, command: RejectProposal) -> None:
        repository = current_domain.repository_for(Proposal)
        proposal = repository.get(command.proposal_id)
        proposal.reject(command.reason)
        repository.add(proposal)

    @handle(WithdrawProposal)
    def withdraw(self, command: WithdrawProposal) -> None:
        repository = current_domain.repository_for(Proposal)
        proposal = repository.get(command.proposal_id)
        proposal.withdraw(command.author)
        repository.add(proposal)


FILTERED_OR_SORTED = ("category", "level", "status", "title", "submitted_at")


@domain.projection(indexes=[Index(field) for field in FILTERED_OR_SORTED])
class PortfolioItem:
    id: str = Identifier(identifier=True)
    title: str = String(required=True)
    category: str = String(required=True)
    level: str = String(required=True)
    status: str = String(required=True)
    author: str = String(required=True)
    submitted_at: datetime = DateTime(required=True)


@domain.projector(projector_for=PortfolioItem, aggregates=[Proposal])
class PortfolioProjector:
    @on(ProposalSubmitted)
    def submitted(self, event: ProposalSubmitted) -> None:
        current_domain.repository_for(PortfolioItem).add(
            PortfolioItem(
                id=event.proposal_id,
                title=event.title,
                category=event.category,
                level=event.level,
                status=Status.submitted,
                author=event.author,
                submitted_at=event.submitted_at,
            )
        )

    @on(ProposalAccepted)
    def accepted(self, event: ProposalAccepted) -> None:
        self._mark(event.proposal_id, Status.accepted)

    @on(ProposalRejected)
    def rejected(self, event: ProposalRejected) -> None:
        self._mark(event.proposal_id, Status.rejected)

    @on(ProposalWithdrawn)
    def withdrawn(self, event: ProposalWithdrawn) -> None:
        self._mark(event.proposal_id, Status.withdrawn)

    def _mark(self, proposal_id: str, status: Status) -> None:
        repository = current_domain.repository_for(PortfolioItem)
        item = repository.get(proposal_id)
        item.status = status
        repository.add(item)

"""The portfolio: a view of the proposals to browse, kept in step by a projection."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Tracking
from eventsourcing.popo import POPOTrackingRecorder
from eventsourcing.projection import Projection
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from proposals import Level, Proposal, Status


class PortfolioItem(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)

    id: UUID
    title: str
    category: str
    level: Level
    status: Status
    author: str
    submitted_at: datetime


class Page(BaseModel):
    items: list[PortfolioItem]
    page: int
    size: int
    total: int


SORTS: dict[str, Callable[[PortfolioItem], Any]] = {
    "title": lambda item: item.title,
    "submittedAt": lambda item: item.submitted_at,
}


class Portfolio(POPOTrackingRecorder):
    def __init__(self) -> None:
        super().__init__()
        self.items: dict[UUID, PortfolioItem] = {}

    def add(self, item: PortfolioItem, tracking: Tracking) -> None:
        with self._database_lock:
            self._assert_tracking_uniqueness(tracking)
            self._insert_tracking(tracking)
            self.items[item.id] = item

    def mark(self, id: UUID, status: Status, tracking: Tracking) -> None:
        self.add(self.items[id].model_copy(update={"status": status}), tracking)

    def browse(
        self, filters: dict[str, str | None], sort_by: str, descending: bool, page: int, size: int
    ) -> Page:
        wanted = [(field, value) for field, value in filters.items() if value is not None]
        with self._database_lock:
            items = list(self.items.values())
        found = [i for i in items if all(getattr(i, field) == value for field, value in wanted)]
        found.sort(key=SORTS[sort_by], reverse=descending)
        shown = found[page * size : (page + 1) * size]
        return Page(items=shown, page=page, size=size, total=len(found))


class PortfolioProjection(Projection[Portfolio]):
    @singledispatchmethod
    def process_event(self, event: DomainEventProtocol[UUID], tracking: Tracking) -> None:
        self.view.insert_tracking(tracking)

    @process_event.register
    def submitted(self, event: Proposal.Submitted, tracking: Tracking) -> None:
        item = PortfolioItem(
            id=event.originator_id,
            title=event.title,
            category=event.category,
            level=event.level,
            status=Status.submitted,
            author=event.author,
            submitted_at=event.timestamp,
        )
        self.view.add(item, tracking)

    @process_event.register
    def accepted(self, event: Proposal.Accepted, tracking: Tracking) -> None:
        self.view.mark(event.originator_id, Status.accepted, tracking)

    @process_event.register
    def rejected(self, event: Proposal.Rejected, tracking: Tracking) -> None:
        self.view.mark(event.originator_id, Status.rejected, tracking)

    @process_event.register
    def withdrawn(self, event: Proposal.Withdrawn, tracking: Tracking) -> None:
        self.view.mark(event.originator_id, Status.withdrawn, tracking)

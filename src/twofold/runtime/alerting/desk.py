"""What operators see of alerts, in any process and whether or not anybody is at work."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from twofold.messages.recorded import moment
from twofold.ports.log import Log
from twofold.runtime.alerting.book import Alert, Book
from twofold.runtime.alerting.kinds import KINDS

GROUP = "alerting"


class AlertView(msgspec.Struct, frozen=True, rename="camel"):
    """An alert. ``recovered`` is None while it is open; ``told``: channels that took a message."""

    id: str
    key: str
    kind: str
    subject: str
    severity: str
    summary: str
    advice: str
    opened: datetime
    changed: datetime
    recovered: datetime | None
    told: tuple[str, ...]


class AlertsView(msgspec.Struct, frozen=True, rename="camel"):
    """Open alerts, the oldest first; those that are over, the latest first; and the channels that
    do not take what they are sent, with the reason.
    """

    open: tuple[AlertView, ...]
    recent: tuple[AlertView, ...]
    failing: Mapping[str, str]


async def look_at_alerts(log: Log) -> AlertsView:
    """How it stands in the write database. Raises StoreUnavailable."""
    book = Book.of((await log.leases.marks(GROUP)).get(0, ""))
    return AlertsView(tuple(map(_view, book.open)), tuple(map(_view, book.recent)), book.failing)


def _view(alert: Alert) -> AlertView:
    kind = KINDS[alert.kind]
    return AlertView(
        alert.id,
        alert.key,
        alert.kind,
        alert.subject,
        kind.severity,
        alert.summary,
        kind.advice,
        moment(alert.opened_us),
        moment(alert.changed_us),
        moment(alert.over_us) if alert.over_us else None,
        tuple(name for name, told in alert.told.items() if told.at_us),
    )

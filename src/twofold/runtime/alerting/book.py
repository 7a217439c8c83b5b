"""Which alerts are open, which were, and what each channel was told: values, and what they become.

An alert is one thing: it opens once, is told once to each channel, again only when it grows worse
or after a while, and once more when it is over.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from twofold.ports.alerts import Occasion

_KEPT = 50


class Finding(msgspec.Struct, frozen=True, array_like=True):
    """Something that is wrong now. A higher ``grade`` of the same thing is told again."""

    kind: str
    subject: str
    summary: str
    grade: int = 0

    @property
    def key(self) -> str:
        """What it is about: findings of one key are one alert."""
        return f"{self.kind}/{self.subject}" if self.subject else self.kind


class Told(msgspec.Struct, frozen=True, array_like=True):
    """What a channel has taken of an alert: which revision, whether its end, and when."""

    revision: int = 0
    over: bool = False
    at_us: int = 0


class Alert(msgspec.Struct, frozen=True):
    """``revision`` counts how often it has become worse; ``over_us`` is 0 while it is open."""

    id: str
    kind: str
    subject: str
    summary: str
    grade: int
    opened_us: int
    changed_us: int
    told: Mapping[str, Told]
    revision: int = 1
    over_us: int = 0

    @property
    def key(self) -> str:
        """As its finding's."""
        return f"{self.kind}/{self.subject}" if self.subject else self.kind

    def due(self, channel: str, now_us: int, reminder_us: int) -> Occasion | None:
        """What a channel should be told now, if anything. ``reminder_us`` 0: never reminded."""
        told = self.told.get(channel)
        if self.over_us:
            # A channel that did not exist then is not told what is long over.
            return "recovered" if told is not None and not told.over else None
        if told is None or told.revision == 0:
            return "opened"
        if told.revision < self.revision:
            return "changed"
        if reminder_us and now_us - told.at_us >= reminder_us:
            return "reminder"
        return None


class Book(msgspec.Struct, frozen=True):
    """Open alerts, the oldest first, and recent ones that are over, the latest first.

    ``failing``: why channels do not take what they are sent.
    """

    open: tuple[Alert, ...] = ()
    recent: tuple[Alert, ...] = ()
    failing: Mapping[str, str] = {}

    @classmethod
    def of(cls, mark: str) -> Book:
        """As it was written down."""
        return msgspec.json.decode(mark, type=cls) if mark else cls()

    def written(self) -> str:
        """To be written down."""
        return msgspec.json.encode(self).decode()

    def seen(
        self,
        findings: Sequence[Finding],
        now_us: int,
        new_id: Callable[[], str],
        channels: Collection[str],
    ) -> Book:
        """With ``findings``: new ones open an alert, worse ones change theirs."""
        known = {alert.key: alert for alert in self.open}
        for finding in findings:
            alert = known.get(finding.key)
            if alert is None:
                known[finding.key] = _opened(finding, new_id(), now_us, channels)
            elif finding.grade > alert.grade:
                known[finding.key] = replace(
                    alert,
                    summary=finding.summary,
                    grade=finding.grade,
                    changed_us=now_us,
                    revision=alert.revision + 1,
                )
        return replace(self, open=tuple(known.values()))

    def over(self, keys: Collection[str], now_us: int) -> Book:
        """Without those of ``keys``, which are over."""
        ended = [replace(one, over_us=now_us) for one in self.open if one.key in keys]
        if not ended:
            return self
        left = tuple(one for one in self.open if one.key not in keys)
        return replace(self, open=left, recent=(*reversed(ended), *self.recent)[:_KEPT])

    def told(self, alert: str, channel: str, told: Told) -> Book:
        """A channel has taken a message about an alert."""

        def noted(one: Alert) -> Alert:
            return replace(one, told={**one.told, channel: told}) if one.id == alert else one

        return replace(
            self, open=tuple(map(noted, self.open)), recent=tuple(map(noted, self.recent))
        )


def _opened(finding: Finding, name: str, now_us: int, channels: Collection[str]) -> Alert:
    return Alert(
        name,
        finding.kind,
        finding.subject,
        finding.summary,
        finding.grade,
        now_us,
        now_us,
        dict.fromkeys(channels, Told()),
    )

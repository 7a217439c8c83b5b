"""Messages on their way: which are due, who takes them, and what becomes of those nobody took."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import msgspec
import structlog

from twofold.errors import NotDelivered
from twofold.messages.recorded import microseconds, moment
from twofold.ports.alerts import Channel, Message, Occasion
from twofold.ports.time_and_chance import Chance, Clock
from twofold.runtime.alerting.book import Alert, Book, Told
from twofold.runtime.alerting.kinds import KINDS
from twofold.runtime.backoff import pause_seconds
from twofold.runtime.settings import RuntimeSettings

_LOG = structlog.get_logger("twofold.alerting")


class Deliveries:
    """Hands messages to channels; one that fails is left alone for a growing while."""

    def __init__(
        self,
        application: str,
        channels: Sequence[Channel],
        clock: Clock,
        chance: Chance,
        settings: RuntimeSettings,
    ) -> None:
        self.names = tuple(channel.name for channel in channels)
        self._application = application
        self._channels = channels
        self._clock = clock
        self._chance = chance
        self._settings = settings
        self._failures: dict[str, int] = {}
        self._next: dict[str, float] = {}

    async def deliver(self, book: Book) -> Book:
        """Send what is due on every channel at once; ``book`` with what was taken."""
        notes = await asyncio.gather(*(self._send(channel, book) for channel in self._channels))
        for note in notes:
            book = note(book)
        return book

    async def test(self) -> Mapping[str, str]:
        """A message for trying out, on each channel: why it was not taken, "" if it was."""
        now = self._clock.now()
        message = Message(
            delivery=self._chance.new_id(now),
            occasion="test",
            application=self._application,
            alert="test",
            key="test",
            kind="test",
            subject="",
            severity="ticket",
            summary="this is a test: alerts of this application arrive here",
            advice="Nothing is to be done.",
            opened_at=now,
            sent_at=now,
        )
        outcomes = await asyncio.gather(*(_attempt(one, message) for one in self._channels))
        return dict(zip(self.names, outcomes, strict=True))

    async def _send(self, channel: Channel, book: Book) -> Callable[[Book], Book]:
        """What is due on one channel; answers what is to be noted of it."""
        taken: list[tuple[str, Told]] = []
        name, why = channel.name, book.failing.get(channel.name, "")
        for alert, occasion in self._due(name, book):
            if self._clock.monotonic() < self._next.get(name, 0.0):
                break
            now = microseconds(self._clock.now())
            why = await _attempt(channel, self.message(alert, occasion))
            if why:
                self._failed(name, why)
                break
            self._failures.pop(name, None)
            taken.append((alert.id, Told(alert.revision, bool(alert.over_us), now)))

        def note(book: Book) -> Book:
            for alert, told in taken:
                book = book.told(alert, name, told)
            failing = {one: text for one, text in book.failing.items() if one != name}
            return msgspec.structs.replace(book, failing=failing | ({name: why} if why else {}))

        return note

    def _due(self, channel: str, book: Book) -> list[tuple[Alert, Occasion]]:
        """In the order in which they happened: what is over was open before."""
        now_us = microseconds(self._clock.now())
        reminder_us = round(self._settings.alerts.reminder_seconds * 1e6)
        return [
            (alert, occasion)
            for alert in (*reversed(book.recent), *book.open)
            if (occasion := alert.due(channel, now_us, reminder_us)) is not None
        ]

    def message(self, alert: Alert, occasion: Occasion) -> Message:
        """What is told of an alert. Its delivery is the same each time it is tried."""
        kind = KINDS[alert.kind]
        before = max((told.at_us for told in alert.told.values()), default=0)
        number = before if occasion == "reminder" else alert.revision
        return Message(
            delivery=f"{alert.id}.{occasion}.{number}",
            occasion=occasion,
            application=self._application,
            alert=alert.id,
            key=alert.key,
            kind=alert.kind,
            subject=alert.subject,
            severity=kind.severity,
            summary=alert.summary,
            advice=kind.advice,
            opened_at=moment(alert.opened_us),
            sent_at=self._clock.now(),
            recovered_at=moment(alert.over_us) if alert.over_us else None,
        )

    def _failed(self, name: str, why: str) -> None:
        failures = self._failures.get(name, 0)
        pause = pause_seconds(failures, self._settings, self._chance)
        self._failures[name] = failures + 1
        self._next[name] = self._clock.monotonic() + pause
        if not failures:
            _LOG.warning(
                "an alert could not be delivered, it is tried again", channel=name, why=why
            )


async def _attempt(channel: Channel, message: Message) -> str:
    try:
        await channel.send(message)
    except NotDelivered as exc:
        return exc.why
    return ""

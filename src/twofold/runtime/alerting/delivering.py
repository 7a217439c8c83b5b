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
from twofold.runtime.telling import told as told_of

_LOG = structlog.get_logger("twofold.alerting")
# What was taken is noted, and the other channel goes on, at least so often.
_ROUND_SECONDS = 10.0


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
        # Of alerts that are written down, and of the one that can't be.
        self._one = asyncio.Lock()
        self._failures: dict[str, int] = {}
        self._next: dict[str, float] = {}
        self._refused: dict[str, dict[str, int]] = {name: {} for name in self.names}

    async def deliver(self, book: Book) -> Book:
        """Send what is due on every channel at once; ``book`` with what was taken."""
        async with self._one:
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
        return {name: why for name, (_, why) in zip(self.names, outcomes, strict=True)}

    async def _send(self, channel: Channel, book: Book) -> Callable[[Book], Book]:
        """What is due on one channel; answers what is to be noted of it."""
        noted: list[tuple[str, Told]] = []
        name, why = channel.name, book.failing.get(channel.name, "")
        begun = self._clock.monotonic()
        for alert, message in self._due(name, book):
            now = self._clock.monotonic()
            if now < self._next.get(name, 0.0) or now - begun >= _ROUND_SECONDS:
                break
            now_us = microseconds(self._clock.now())
            taken, why = await _attempt(channel, message)
            if not taken:
                self._failed(name, message.delivery, why)
                break
            self._failures.pop(name, None)
            noted.append((alert.id, Told(alert.revision, bool(alert.over_us), now_us)))

        def note(book: Book) -> Book:
            for alert, told in noted:
                book = book.told(alert, name, told)
            failing = {one: text for one, text in book.failing.items() if one != name}
            return msgspec.structs.replace(book, failing=failing | ({name: why} if why else {}))

        return note

    def _due(self, channel: str, book: Book) -> list[tuple[Alert, Message]]:
        """In the order in which they happened: what is over was open before. What was refused most
        often comes last, so that it keeps nothing else from being told.
        """
        now_us = microseconds(self._clock.now())
        reminder_us = round(self._settings.alerts.reminder_seconds * 1e6)
        due = [
            (alert, self.message(alert, occasion, channel))
            for alert in (*reversed(book.recent), *book.open)
            if (occasion := alert.due(channel, now_us, reminder_us)) is not None
        ]
        known = self._refused[channel]
        refused = {one.delivery: known.get(one.delivery, 0) for _, one in due}
        self._refused[channel] = refused
        return sorted(due, key=lambda one: refused[one[1].delivery])

    def message(self, alert: Alert, occasion: Occasion, channel: str) -> Message:
        """What is told of an alert. Its delivery is the same each time a channel tries it."""
        kind = KINDS[alert.kind]
        number = alert.told[channel].at_us if occasion == "reminder" else alert.revision
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

    def _failed(self, name: str, delivery: str, why: str) -> None:
        self._refused[name][delivery] += 1
        failures = self._failures.get(name, 0)
        pause = pause_seconds(failures, self._settings, self._chance)
        self._failures[name] = failures + 1
        self._next[name] = self._clock.monotonic() + pause
        if not failures:
            _LOG.warning(
                "an alert could not be delivered, it is tried again", channel=name, why=why
            )


async def _attempt(channel: Channel, message: Message) -> tuple[bool, str]:
    """Whether it was taken, and what is wrong with the channel, "" for nothing."""
    try:
        await channel.send(message)
    except NotDelivered as exc:
        return exc.partly, exc.why
    except Exception as exc:
        # What one channel did not expect must not undo what another one has taken.
        return False, told_of(exc)
    return True, ""

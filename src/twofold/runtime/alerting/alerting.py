"""Alerts of one process: it looks and tells the others what it finds; one of all sends."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

import structlog

from twofold.errors import LeaseLost, StoreUnavailable, TwofoldError
from twofold.messages.recorded import microseconds
from twofold.ports.alerts import Channel
from twofold.ports.vitals import Vital
from twofold.runtime.alerting.book import Alert, Book
from twofold.runtime.alerting.conditions import Conditions
from twofold.runtime.alerting.delivering import Deliveries
from twofold.runtime.alerting.desk import GROUP
from twofold.runtime.alerting.kinds import KINDS
from twofold.runtime.alerting.outage import Outage
from twofold.runtime.alerting.troubles import Seen, Troubles
from twofold.runtime.partitions.membership import Membership
from twofold.runtime.system import System
from twofold.runtime.telling import told

_LOG = structlog.get_logger("twofold.alerting")
# A process that was killed has said what it said for so many rounds more.
_SAID_ROUNDS = 12
# What is over has not been seen for as long as it takes to be seen, and some rounds.
_CLEAR_ROUNDS = 3
# What comes and goes is over after twice as many for each time that it was over lately.
_LATELY_US = 3600 * 1_000_000
_MOST_DOUBLINGS = 6


class Alerting:
    """Runs beside a system, in every process that works.

    What is open, and who was told, is the mark of a lease: its holder alone changes it and sends.
    """

    def __init__(
        self,
        system: System,
        *,
        channels: Sequence[Channel] = (),
        vitals: Sequence[Vital] = (),
        read_vitals: Sequence[Vital] = (),
        host: str = "",
    ) -> None:
        settings, clock, leases = system.settings, system.clock, system.log.leases
        self._seconds = settings.alerts.seconds
        self._clock = clock
        self._chance = system.chance
        self._leases = leases
        # Only who reads has the read store open.
        looked_at = [*vitals, *(read_vitals if system.reads else ())]
        self._conditions = Conditions(system, looked_at, host)
        process = system.chance.new_id(clock.now())
        self._troubles = Troubles(leases, process, self._seconds * _SAID_ROUNDS, clock)
        lease_seconds = max(settings.lease_seconds, self._seconds)
        self._membership = Membership(leases, GROUP, 1, lease_seconds, clock, system.chance)
        name = system.application.name
        self._deliveries = Deliveries(name, channels, clock, system.chance, settings)
        self._outage = Outage(self._deliveries, clock, self._new_id)
        self._sent_last = False
        # It is asked several times in this time.
        self._patience = lease_seconds
        self._notice_seconds = _notice_seconds(system)
        self._book: tuple[int, Book] = (0, Book())
        self._absent: dict[str, float] = {}

    def work(self) -> list[Coroutine[Any, Any, None]]:
        """What is to run until it is cancelled."""
        if not self._seconds:
            return []
        return [self._membership.run(), self._watch(), self._send(), self._watch_the_database()]

    async def leave(self) -> None:
        """Let another process send; nothing of what this one found holds any more."""
        if not self._seconds:
            return
        await self._membership.leave()
        await self._conditions.close()
        try:
            await self._troubles.leave()
        except StoreUnavailable as exc:
            _LOG.warning("what was found runs out by itself", why=str(exc))

    async def test(self) -> Mapping[str, str]:
        """Send a message for trying out; why each channel did not take it, "" where it did."""
        return await self._deliveries.test()

    async def _watch(self) -> None:
        while True:
            try:
                await self._troubles.tell(await self._conditions.look())
            except TwofoldError as exc:
                # What comes of an outage, and ends with it, is not told when it is over.
                self._conditions.hold_anew()
                _LOG.debug("what was found can't be told", why=str(exc))
            except Exception as exc:
                # Whoever watches must not be the one who fails unseen.
                _LOG.error("what is wrong can't be looked for", why=told(exc))
            await self._clock.sleep(self._seconds)

    async def _send(self) -> None:
        while True:
            await self._clock.sleep(self._seconds)
            if self._membership.why:
                continue
            self._sent_last = 0 in self._membership.held
            try:
                await self._step()
            except LeaseLost:
                continue
            except TwofoldError as exc:
                _LOG.warning("alerts can't be sent", why=str(exc))
            except Exception as exc:
                _LOG.error("alerts can't be sent", why=told(exc))

    async def _watch_the_database(self) -> None:
        """Beside all else, which waits for it: one that hangs is as silent as one that refuses."""
        while True:
            await self._clock.sleep(self._seconds)
            if self._clock.monotonic() - self._membership.answered < self._patience:
                await self._outage.answers()
            elif self._sent_last:
                await self._outage.silent()

    async def _step(self) -> None:
        """What is found, what it makes of the alerts, and who is to be told. Raises LeaseLost."""
        lease = self._membership.held.get(0)
        if lease is None:
            self._book = (0, Book())
            return
        if self._book[0] != lease.token:
            # What others noted before this process took over.
            self._book = lease.token, Book.of((await self._leases.marks(GROUP)).get(0, ""))
            self._absent.clear()
        before = self._book[1]
        book = self._met(before, await self._troubles.all())
        # Noted before anybody is told, so that whoever takes over knows of it.
        await self._note(lease.token, before, book)
        await self._note(lease.token, book, await self._deliveries.deliver(book))

    async def _note(self, token: int, before: Book, book: Book) -> None:
        if book != before:
            await self._leases.mark(GROUP, {0: (token, book.written())})
        self._book = token, book

    def _met(self, book: Book, seen: Seen) -> Book:
        now = self._clock.now()
        book = book.seen(
            list(seen.findings.values()),
            microseconds(now),
            self._new_id,
            self._deliveries.names,
        )
        return book.over(self._gone(book, seen), microseconds(now))

    def _new_id(self) -> str:
        return self._chance.new_id(self._clock.now())

    def _gone(self, book: Book, seen: Seen) -> set[str]:
        """Alerts that nobody finds any more, although somebody has looked for long enough."""
        now = self._clock.monotonic()
        absent = {
            alert.key: self._absent.get(alert.key, now)
            for alert in book.open
            if alert.key not in seen.findings and alert.kind in seen.watched
        }
        self._absent = absent
        alerts = {alert.key: alert for alert in book.open}
        return {
            key for key, since in absent.items() if now - since >= self._quiet(alerts[key], book)
        }

    def _quiet(self, alert: Alert, book: Book) -> float:
        """For how many seconds nobody may find it until it is over."""
        lately_us = microseconds(self._clock.now()) - _LATELY_US
        returns = sum(one.key == alert.key and one.over_us > lately_us for one in book.recent)
        rounds = _CLEAR_ROUNDS << min(returns, _MOST_DOUBLINGS)
        return self._notice_seconds[alert.kind] + self._seconds * rounds


def _notice_seconds(system: System) -> Mapping[str, float]:
    """How long it takes until what is still wrong is found again after a restart."""
    settings = system.settings
    found = {name: kind.hold_seconds for name, kind in KINDS.items()}
    found["canary"] = 2 * settings.canary_seconds + settings.canary_limit_seconds
    found["relay"] = settings.alerts.relay_seconds
    return found

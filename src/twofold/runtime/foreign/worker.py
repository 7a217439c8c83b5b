"""The worker of an inbox: decodes events of another system and has their commands decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any

import structlog

from twofold.errors import ShuttingDown, StoreUnavailable, TooManyRejected, TwofoldError
from twofold.messages.recorded import microseconds
from twofold.ports.inbox import Inbox, Rejected
from twofold.ports.time_and_chance import Chance, Clock
from twofold.runtime.backoff import pause_seconds
from twofold.runtime.command_bus import CommandBus
from twofold.runtime.foreign.carrying_out import ForeignEvents
from twofold.runtime.foreign.channel import ForeignChannel, Received
from twofold.runtime.foreign.cloud_events import NotUnderstood
from twofold.runtime.lanes import Lanes
from twofold.runtime.partitions.membership import Membership
from twofold.runtime.processes.alarm import Alarm
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.telling import told
from twofold.wiring.inboxes import Receiving

_LOG = structlog.get_logger("twofold.inbox")
_MARK_SECONDS = 0.2


class InboxWorker:
    """One of several that share a foreign channel's partitions, each of them in its order.

    A store that does not answer is waited for, and so is somebody who looks after the messages kept
    aside where there are too many. What fails otherwise is tried again a few times,
    then the message is kept among the rejected ones with the reason, and those behind it go on.
    ``handled`` counts messages by what came of them.
    """

    def __init__(
        self,
        receiving: Receiving,
        channel: ForeignChannel,
        membership: Membership,
        bus: CommandBus,
        rejected: Inbox,
        clock: Clock,
        chance: Chance,
        settings: RuntimeSettings,
    ) -> None:
        self._events = ForeignEvents(receiving, bus)
        self._channel = channel
        self._membership = membership
        self._rejected = rejected
        self._clock = clock
        self._chance = chance
        self._settings = settings
        self._alarm = Alarm(clock)
        self._lanes = Lanes[Received](self._work, self._alarm.ring)
        self._tokens: Mapping[int, int] = {}
        self._stopping = False
        self._trouble = ""
        self._troubles: dict[int, str] = {}
        self.handled: Counter[str] = Counter()

    @property
    def why(self) -> str:
        """Why the work does not go on, "" if it does."""
        return self._trouble or self._membership.why or next(iter(self._troubles.values()), "")

    def work(self) -> list[Coroutine[Any, Any, None]]:
        """What is to run until it is cancelled."""
        return [self._membership.run(), self._run()]

    def end(self) -> None:
        """Begin nothing new. Drivers may swallow a cancellation, so ``work`` is told as well."""
        self._stopping = True

    async def stop(self) -> None:
        """Finish what is at hand, give everything else back. Call it once ``work`` has ended."""
        # What is being tried again is left to whoever goes on.
        await self._lanes.finish(0 if self._troubles else self._settings.drain_seconds)
        with suppress(StoreUnavailable):
            await self._channel.mark()
        await self._membership.leave()
        await self._channel.close()

    async def _run(self) -> None:
        failures = 0
        while not self._stopping:
            try:
                await self._step()
                failures, self._trouble = 0, ""
            except Exception as exc:
                # A worker that ended would look like a channel into which nothing comes.
                self._trouble = told(exc)
                failures += 1
                if failures == 1:
                    _LOG.error("an inbox is not read", channel=self._channel.name, why=told(exc))
                await self._alarm.wait(pause_seconds(failures, self._settings, self._chance))

    async def _step(self) -> None:
        """Take what there is; comes back often enough to see whose part is what."""
        held = self._membership.held
        tokens = {part: lease.token for part, lease in held.items()}
        if tokens != self._tokens:
            self._tokens = {}
            await self._channel.hold(held)
            self._tokens = tokens
        room = self._settings.commands_in_hand - self._lanes.items
        seconds = min(self._settings.poll_seconds, self._settings.lease_seconds / 3)
        if self._channel.unmarked or self._lanes.items:
            seconds = min(seconds, _MARK_SECONDS)
        if not held:
            await self._membership.change(seconds)
        elif room <= 0:
            await self._alarm.wait(seconds)
        else:
            for received in await self._channel.fetch(room, seconds):
                # What is left in the lane of a former lease does not hold up that of a new one.
                self._lanes.add(f"{received.delivery.partition}/{received.token}", [received])
        await self._channel.mark()

    async def _work(self, received: Received) -> bool:
        """See one message through, however long that takes; False if it is not ours any more."""
        try:
            return await self._seen_through(received)
        finally:
            self._troubles.pop(received.delivery.partition, None)

    async def _seen_through(self, received: Received) -> bool:
        failures = outages = 0
        problem: Exception | None = None
        while not self._stopping and self._channel.holds(received):
            try:
                if problem is None:
                    outcome = await self._events.carry_out(received.delivery)
                else:
                    await self._keep(received, problem)
                    outcome = "kept"
            except ShuttingDown:
                return False
            except (StoreUnavailable, TooManyRejected) as exc:
                outages += 1
                await self._pause(received, outages, exc)
            except Exception as exc:
                failures += 1
                if isinstance(exc, NotUnderstood) or failures >= self._settings.command_attempts:
                    problem = exc
                else:
                    await self._pause(received, failures, exc)
            else:
                self.handled[outcome] += 1
                self._channel.done(received)
                return True
        return False

    async def _keep(self, received: Received, problem: Exception) -> None:
        """Keep the message where it can be looked at; only then it counts as done."""
        delivery = received.delivery
        reason = problem.why if isinstance(problem, NotUnderstood) else _told(problem)
        message = Rejected(
            channel=self._channel.name,
            partition=delivery.partition,
            offset=delivery.offset,
            reason=reason,
            attributes=delivery.attributes,
            data=delivery.data,
            time_us=microseconds(self._clock.now()),
        )
        limit = self._settings.rejected_messages
        if await self._rejected.reject([message], limit):
            raise TooManyRejected(self._channel.name, limit)
        _LOG.error(
            "a message of another system is kept aside",
            channel=self._channel.name,
            partition=delivery.partition,
            offset=delivery.offset,
            why=told(problem.__cause__ or problem),
        )

    async def _pause(self, received: Received, failures: int, error: Exception) -> None:
        """Before the next attempt."""
        why = told(error)
        self._troubles[received.delivery.partition] = why
        _LOG.warning(
            "an event is tried again",
            channel=self._channel.name,
            partition=received.delivery.partition,
            offset=received.delivery.offset,
            attempt=failures,
            why=why,
        )
        await self._clock.sleep(pause_seconds(failures, self._settings, self._chance))


def _told(error: Exception) -> str:
    if isinstance(error, TwofoldError):
        return str(error)
    return f"{type(error).__name__}: {error}"

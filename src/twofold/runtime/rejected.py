"""What an operator does with messages that were kept aside: look, try again, dismiss.

What trying again means depends on the channel:

* *foreign events*: the event is decoded and its commands are decided by the code as it is now,
  under the ids they have always had, so what had an effect before has none again. It may come
  later than those that were behind it.
* *events of ours*: the log is the truth, and read models have from it whatever a message does not
  say. So nothing is applied; the message is compared with the log, and released if it says the
  same.
* *commands of ours*: a command that can be read by now, and has our seal, is accepted into the
  inbox of the write database under its own id, so it is decided once.
"""

from __future__ import annotations

import msgspec

from twofold.errors import KeyReused, StoreUnavailable, TwofoldError
from twofold.messages.recorded import microseconds
from twofold.ports.inbox import Dismissal, Rejected
from twofold.ports.transport import Delivery
from twofold.runtime.audit import AuditTrail
from twofold.runtime.foreign.carrying_out import ForeignEvents
from twofold.runtime.foreign.cloud_events import NotUnderstood
from twofold.runtime.partitions.wire import NotOurs
from twofold.runtime.queued.inbox_queue import InboxQueue
from twofold.runtime.queued.seals import Seals
from twofold.runtime.queued.wire import NoCommand, read_command
from twofold.runtime.system import System

_MOST_DIGITS = 9


class StillRejected(TwofoldError):
    """A message that was tried again in vain; ``why`` says what is wrong with it."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"the message stays where it is: {why}")


class Retried(msgspec.Struct, frozen=True):
    """Whether the message is released, and what came of it or is still wrong with it."""

    released: bool
    told: str


class RejectedMessages:
    """The messages that a system has kept aside."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._inbox = system.log.inbox
        self._audit = AuditTrail(system)

    async def retry(self, message: Rejected, by: str) -> Retried:
        """Try again; what succeeds is released, whether it was dismissed or not.

        Raises StoreUnavailable.
        """
        async with self._audit.acting(by, "retry rejected", _subject(message)) as acting:
            retried = await self._retried(message)
            acting.told = retried.told if retried.released else f"it stays: {retried.told}"
        return retried

    async def dismiss(self, message: Rejected, reason: str, by: str) -> bool:
        """Note that nothing is to come of it; False if somebody was faster."""
        now_us = microseconds(self._system.clock.now())
        async with self._audit.acting(by, "dismiss rejected", _subject(message), reason) as acting:
            done = await self._inbox.dismiss(message, Dismissal(reason, by, now_us))
            acting.told = "" if done else "somebody was faster"
        return done

    async def _retried(self, message: Rejected) -> Retried:
        try:
            told = await self._tried(message)
        except (StillRejected, NotOurs, NoCommand) as exc:
            return Retried(False, exc.why)
        except KeyReused as exc:
            return Retried(False, str(exc))
        await self._inbox.release(message)
        return Retried(True, told)

    async def _tried(self, message: Rejected) -> str:
        channel = message.channel
        if channel == self._system.sharing.channel.name:
            return await self._compared(message)
        if channel == self._system.queued.channel.name:
            return await self._accepted(message)
        if channel in self._system.wired.receivings:
            return await self._carried_out(message)
        raise StillRejected("nothing in this application reads its channel")

    async def _compared(self, message: Rejected) -> str:
        incoming = self._system.sharing.wire.read(_delivery(message))
        if incoming.event is None:
            return "a watermark, which has nothing to apply"
        for event in await self._system.log.read(incoming.position - 1, 1):
            if event.id == incoming.event.id:
                return f"event {event.position:,} of the log, where read models have it from"
        raise StillRejected(f"the log has another event at position {incoming.position:,}")

    async def _accepted(self, message: Rejected) -> str:
        system = self._system
        command = read_command(Seals(system.log.secret), message.attributes, message.data)
        queue = InboxQueue(system.log, system.settings.command_partitions, 1)
        return f"accepted as {await queue.accept(command)}"

    async def _carried_out(self, message: Rejected) -> str:
        receiving = self._system.wired.receivings[message.channel]
        try:
            outcome = await ForeignEvents(receiving, self._system.commands).carry_out(
                _delivery(message)
            )
        except StoreUnavailable:
            raise
        except NotUnderstood as exc:
            raise StillRejected(exc.why) from exc
        except TwofoldError as exc:
            raise StillRejected(str(exc)) from exc
        except Exception as exc:
            raise StillRejected(f"{type(exc).__name__}: {exc}") from exc
        if outcome == "passed over":
            raise StillRejected("no handler takes events of its type")
        return outcome


def place_of(message: Rejected) -> str:
    """Where it was found: ``channel/partition@offset``."""
    return f"{message.channel}/{message.partition}@{message.offset}"


def read_place(place: str) -> tuple[str, int, str] | None:
    """Channel, partition and offset; None for what is no place."""
    where, _, offset = place.rpartition("@")
    channel, _, partition = where.rpartition("/")
    if not channel or not offset or not partition.isdecimal() or len(partition) > _MOST_DIGITS:
        return None
    return channel, int(partition), offset


def _subject(message: Rejected) -> dict[str, str]:
    return {"message": place_of(message)}


def _delivery(message: Rejected) -> Delivery:
    return Delivery(message.partition, message.offset, "", message.attributes, message.data)

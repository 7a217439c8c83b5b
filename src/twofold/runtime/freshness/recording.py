"""What this process counted goes to the write database, where that of all processes is added up."""

from __future__ import annotations

import asyncio

import structlog

from twofold.errors import TwofoldError
from twofold.messages.recorded import microseconds
from twofold.ports.tallies import Tallies, Tally
from twofold.ports.time_and_chance import Clock
from twofold.runtime.freshness.budgets import HOUR_SECONDS, Counted, kept_since, stretches
from twofold.wiring.answerings import Promise

_LOG = structlog.get_logger("twofold.freshness")
RECORD_SECONDS = 10.0


def tally_name(promise: Promise) -> str:
    """Whoever promises another time begins anew: what was late by the former one says nothing."""
    return f"{promise.query} within {promise.fresh.seconds:g} s"


class Recorder:
    """Gathers counts and writes them down at most every ten seconds, never if there are none.

    A process that is killed loses what it counted since. Where the database does not answer, what
    was counted is kept until it does, in no more room than the database itself would need.
    """

    def __init__(self, tallies: Tallies, writer: str, clock: Clock) -> None:
        self._tallies = tallies
        self._writer = writer
        self._clock = clock
        self._counted: dict[tuple[int, int, str], Counted] = {}
        self._sending: list[Tally] = []
        self._number = 1
        self._forgot_us = 0
        self._more = asyncio.Event()

    def count(self, promise: Promise, now_us: int, answers: int, *, late: bool) -> None:
        """So many answers more."""
        name = tally_name(promise)
        for span, since_us in stretches(now_us):
            key = span, since_us, name
            known = self._counted.get(key, Counted())
            self._counted[key] = known.and_of(answers, answers if late else 0)
        self._more.set()

    async def run(self) -> None:
        """Write as long as there is something, until cancelled."""
        while True:
            await self._more.wait()
            await self._clock.sleep(RECORD_SECONDS)
            self._more.clear()
            await self.write()

    async def write(self) -> None:
        """Write down what was counted, no matter whether the database answers."""
        self._forget()
        try:
            if self._sending:
                # Whether it was added is not known: said again, it counts once.
                await self._send()
            self._sending = [Tally(*key, *one) for key, one in self._counted.items()]
            self._counted = {}
            if self._sending:
                await self._send()
        except TwofoldError as exc:
            self._more.set()
            _LOG.debug("what was answered is written down later", why=str(exc))

    async def _send(self) -> None:
        await self._tallies.add(self._writer, self._number, self._sending)
        self._number += 1
        self._sending = []
        now_us = microseconds(self._clock.now())
        if now_us - self._forgot_us >= HOUR_SECONDS * 1_000_000:
            await self._tallies.forget(kept_since(now_us))
            self._forgot_us = now_us

    def _forget(self) -> None:
        """What the database would not keep either."""
        kept = kept_since(microseconds(self._clock.now()))
        known = self._counted.items()
        self._counted = {key: one for key, one in known if key[1] >= kept[key[0]]}

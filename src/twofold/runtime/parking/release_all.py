"""Releasing everything that waits in one place, after the one cause of it was mended.

It goes on in the background of one process, however many there are: a lease keeps a second release
of the same place from beginning, and what the first one notes at it is its progress, for all
processes. Each sequence is released as an operator would do it alone, only if it is as it was
listed, so nothing depends on the lease.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import msgspec
import structlog
from msgspec.structs import replace

from twofold.errors import (
    InvalidInput,
    LeaseLost,
    NotFound,
    ParkedChanged,
    Problem,
    ReleaseRunning,
    TwofoldError,
)
from twofold.messages.recorded import microseconds, moment
from twofold.runtime.audit import AuditTrail
from twofold.runtime.parking.places import Places
from twofold.runtime.parking.release_notes import (
    Phase,
    ReleaseNote,
    ReleasingView,
    group_of,
    mark_of,
    note_of,
    releasing_view,
    stop_group_of,
)
from twofold.runtime.parking.views import ParkedView, Wanted
from twofold.runtime.partitions.membership import Membership
from twofold.runtime.system import System

_LOG = structlog.get_logger("twofold.parking")
RELEASE_ALL = "release all parked"
_PAGE = 50
_SAMPLE = 10
_SAMPLE_SECONDS = 1.0
_NOTE_SECONDS = 0.5
_FUTILE = 100
_TRIES = 10
_PAUSE_SECONDS = 0.1
_STOPPER = "operator"


class Foreseen(msgspec.Struct, frozen=True):
    """What a release of all would do, as far as rehearsing some of them tells.

    Of ``total`` sequences the oldest were ``rehearsed``, as many as a second allows; ``failing``
    are those of them that would wait again. ``impossible``: why none can be rehearsed. ``last`` is
    the release of all before this one, and ``seen`` tells it from a later one.
    """

    total: int
    rehearsed: int
    failing: tuple[ParkedView, ...]
    impossible: str
    last: ReleasingView | None

    @property
    def seen(self) -> int:
        """What ``start`` is to be told."""
        return self.last.seen if self.last else 0


class Begun(NamedTuple):
    """A release of all that goes on in this process: what tells it from others, and its end."""

    seen: int
    ended: asyncio.Event


class ReleaseAll:
    """Foresees, starts, watches and stops it; one per process."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._places = Places(system)
        self._audit = AuditTrail(system)

    async def look(self, projection: str) -> ReleasingView | None:
        """The one that is under way, or the last one. Raises NotFound, StoreUnavailable."""
        self._places.kind(projection)
        leases, group = self._system.log.leases, group_of(projection)
        note = note_of((await leases.marks(group)).get(0, ""))
        if not note.since_us:
            return None
        return releasing_view(projection, note, any((await leases.members(group)).values()))

    async def foresee(self, wanted: Wanted) -> Foreseen:
        """How many there are, and what some rehearsals come to; nothing is changed.

        Raises NotFound, InvalidInput.
        """
        _check_state(wanted)
        page = await self._places.page(wanted, 0, _SAMPLE)
        last = await self.look(wanted.projection)
        clock, kind = self._system.clock, self._places.kind(wanted.projection)
        until = clock.monotonic() + _SAMPLE_SECONDS
        rehearsed, failing = 0, list[ParkedView]()
        for one in page.items:
            try:
                found = await kind.rehearse(wanted.projection, one.sequence, None)
            except InvalidInput as exc:
                return Foreseen(page.total, 0, (), str(exc), last)
            except (NotFound, ParkedChanged):
                continue
            rehearsed += 1
            failing += [found.again] if found.again else []
            if clock.monotonic() >= until:
                break
        return Foreseen(page.total, rehearsed, tuple(failing), "", last)

    async def start(self, wanted: Wanted, *, actor: str, seen: int | None = None) -> Begun:
        """Release them in the background of this process; ``look`` tells how far it is.

        ``seen``: as ``foresee`` told it to whoever decided.
        Raises NotFound, InvalidInput, ReleaseRunning if somebody is at it, ParkedChanged if
        somebody has been at it since.
        """
        _check_state(wanted)
        total = (await self._places.page(wanted, 0, 1)).total
        group, leases = group_of(wanted.projection), self._system.log.leases
        seconds, clock = self._system.settings.lease_seconds, self._system.clock
        membership = Membership(leases, group, 1, seconds, clock, self._system.chance)
        try:
            before = await self._hold(membership, wanted.projection)
            if seen not in (None, before.since_us):
                raise ParkedChanged(wanted.projection, "what waits")
            await leases.leave(stop_group_of(wanted.projection), _STOPPER)
            # Later than the one before, also where a clock was set back.
            since_us = max(microseconds(clock.now()), before.since_us + 1)
            note = ReleaseNote(actor, wanted.state, wanted.cause, since_us=since_us, total=total)
            work = _Work(self._system, self._places, membership, wanted, note)
            await work.tell()
        except BaseException:
            await membership.leave()
            raise
        ended = asyncio.Event()
        self._system.work(self._in_background(work, membership, wanted, actor, ended))
        return Begun(since_us, ended)

    async def _hold(self, membership: Membership, projection: str) -> ReleaseNote:
        """Take the lease; answers what was noted at it before. Raises ReleaseRunning."""
        for _ in range(_TRIES):
            await membership.renew()
            marks = await self._system.log.leases.marks(membership.group)
            before = note_of(marks.get(0, ""))
            if 0 in membership.held:
                return before
            if before.phase == "releasing":
                break
            # The one before has ended and is about to give the lease back.
            await self._system.clock.sleep(_PAUSE_SECONDS)
        raise ReleaseRunning(projection, before.by, before.told)

    async def stop(self, projection: str, *, actor: str) -> None:
        """Have it end after the sequence that it is at, wherever it runs.

        Raises NotFound, ParkedChanged if none is under way.
        """
        now = await self.look(projection)
        if now is None or not now.running:
            raise ParkedChanged(projection, "the release of all")
        async with self._audit.acting(actor, "stop release all", {"projection": projection}):
            seconds = 2 * self._system.settings.lease_seconds
            await self._system.log.leases.sign([stop_group_of(projection)], _STOPPER, seconds)

    async def _in_background(
        self,
        work: _Work,
        membership: Membership,
        wanted: Wanted,
        actor: str,
        ended: asyncio.Event,
    ) -> None:
        renewing = asyncio.get_running_loop().create_task(membership.run())
        subject: dict[str, str] = msgspec.to_builtins(wanted)
        try:
            async with self._audit.acting(actor, RELEASE_ALL, subject) as acting:
                acting.told = await work.run()
        except Exception as exc:
            # It is noted at the lease and in the audit trail, for whoever asks.
            why = str(exc) if isinstance(exc, TwofoldError) else type(exc).__name__
            _LOG.error("a release of all ended early", why=why, **subject)
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            ended.set()
            await membership.leave()


class _Work:
    """One release of many, under way."""

    def __init__(
        self,
        system: System,
        places: Places,
        membership: Membership,
        wanted: Wanted,
        note: ReleaseNote,
    ) -> None:
        self._system = system
        self._places = places
        self._membership = membership
        self._wanted = wanted
        self._note = note
        self._kind = places.kind(wanted.projection)
        self._stayed: set[tuple[int, str]] = set()
        self._noted = float("-inf")

    async def run(self) -> str:
        """Release them, and answer what came of it. Raises what keeps from going on."""
        try:
            phase = await self._all()
        except Exception as exc:
            why = str(exc) if isinstance(exc, TwofoldError) else type(exc).__name__
            self._note = replace(self._note, phase="failed", why=why)
            if not isinstance(exc, LeaseLost):
                await self.tell()
            raise
        why = f"the first {_FUTILE} all wait again" if phase == "futile" else ""
        self._note = replace(self._note, phase=phase, why=why)
        await self.tell()
        return {"stopped": "stopped: ", "futile": f"stopped, {why}: "}.get(phase, "") + (
            self._note.told
        )

    async def tell(self) -> None:
        """Note how things stand. Raises LeaseLost."""
        lease = self._membership.held.get(0)
        if lease is None:
            raise LeaseLost(self._membership.group, 0)
        clock = self._system.clock
        self._note = replace(self._note, at_us=microseconds(clock.now()))
        self._noted = clock.monotonic()
        marks = {0: (lease.token, mark_of(self._note))}
        await self._system.log.leases.mark(self._membership.group, marks)

    async def _all(self) -> Phase:
        """Go through the list until there is nothing in it that was not tried.

        What is released leaves the list, what waits again stays: so the list is gone through by the
        number of those. Where others release as well something is passed over, and met the next
        time.
        """
        found = True
        while found:
            found, offset = False, 0
            while page := (await self._places.page(self._wanted, offset, _PAGE)).items:
                for one in page:
                    if not self._is_due(one):
                        offset += 1
                        continue
                    found = True
                    offset += await self._release(one)
                    if self._note.again >= _FUTILE and not self._note.released:
                        return "futile"
                    if await self._stopped():
                        return "stopped"
        return "done"

    def _is_due(self, one: ParkedView) -> bool:
        """Whether it waited when this began, and was not tried yet."""
        waited = one.since <= moment(self._note.since_us)
        return waited and (one.version, one.sequence) not in self._stayed

    async def _release(self, one: ParkedView) -> bool:
        """Whether it is in the list still."""
        note = self._note
        try:
            released = await self._kind.release(
                one.projection, one.sequence, actor=note.by, seen=one.seen
            )
        except NotFound:
            self._note = replace(note, passed=note.passed + 1)
            return False
        except ParkedChanged:
            self._note = replace(note, passed=note.passed + 1)
            self._stayed.add((one.version, one.sequence))
            return True
        if released.again is None:
            self._note = replace(note, released=note.released + 1)
            return False
        self._note = replace(note, again=note.again + 1)
        self._stayed.add((one.version, one.sequence))
        return self._wanted.holds(released.again.state, released.again.cause)

    async def _stopped(self) -> bool:
        """Whether somebody wants it to; looked at, and progress noted, every now and then."""
        if self._system.clock.monotonic() - self._noted < _NOTE_SECONDS:
            return False
        await self.tell()
        group = stop_group_of(self._wanted.projection)
        signs = await self._system.log.leases.signs([group])
        return any(sign.alive for sign in signs.get(group, ()))


def _check_state(wanted: Wanted) -> None:
    if wanted.state == "discarded":
        raise InvalidInput([Problem("state", "what was left out can't be released")])

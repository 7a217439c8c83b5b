"""Which roles a system needs, and which processes of each say that they are alive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping

import msgspec
import structlog

from twofold.errors import StoreUnavailable
from twofold.ports.leases import Leases
from twofold.ports.time_and_chance import Chance, Clock
from twofold.runtime.settings import RuntimeSettings
from twofold.wiring.wired import Wired

_LOG = structlog.get_logger("twofold.presence")
ROLES = ("api", "commands", "relay", "projector", "scheduler")
# Of the lease: whoever is busy for a while misses one or two, and is not taken for dead.
_RENEW = 1 / 4


class RolePresence(msgspec.Struct, frozen=True, rename="camel"):
    """A role: whether the system needs it, how many processes of it live, and how long ago one of
    them gave its last sign of life; None if none has, or those that had have left.
    """

    needed: bool
    alive: int
    age_seconds: float | None

    @property
    def missing(self) -> bool:
        """Whether somebody should start one."""
        return self.needed and not self.alive


def needed_roles(wired: Wired, settings: RuntimeSettings, *, broker: bool) -> frozenset[str]:
    """The roles without which something would be left undone."""
    needed = {"api"}
    if broker:
        needed.add("relay")
    if settings.projections == "async" and (wired.foldings or wired.writings):
        needed.add("projector")
    if settings.commands == "async":
        needed.add("commands")
    if wired.reactings or (broker and wired.receivings):
        needed.add("scheduler")
    return frozenset(needed)


class Presence:
    """Tells of this process's roles as long as it runs, and knows of everybody's.

    ``reading``: the tables that it reads, which nobody may drop meanwhile. ``signed``: when the
    last sign that came through was begun. ``member``: the name of this process among all.
    """

    def __init__(
        self,
        roles: Collection[str],
        needed: Collection[str],
        leases: Leases,
        seconds: float,
        clock: Clock,
        chance: Chance,
        reading: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._groups = [_group(role) for role in ROLES if role in roles]
        self._needed = frozenset(needed)
        self._leases = leases
        self._seconds = seconds
        self._clock = clock
        self.member = chance.new_id(clock.now())
        self._reading = reading
        self.signed = clock.monotonic()

    async def run(self) -> None:
        """Give signs of life until cancelled, after a first one at the start."""
        while True:
            await self._clock.sleep(self._seconds * _RENEW)
            await self.sign()

    async def sign(self) -> None:
        """Give one sign. Where the database does not answer, nobody can ask for it either."""
        begun = self._clock.monotonic()
        if not self._groups:
            # Whoever only looks, for a moment, is not waited for.
            self.signed = begun
            return
        groups = [*self._groups, *map(readers_of, self._reading())]
        try:
            await self._leases.sign(groups, self.member, self._seconds)
            self.signed = begun
        except StoreUnavailable as exc:
            _LOG.debug("no sign of life is given", why=str(exc))

    async def look(self) -> Mapping[str, RolePresence]:
        """All roles, in their usual order. Raises StoreUnavailable."""
        signs = await self._leases.signs([_group(role) for role in ROLES])
        found = {}
        for role in ROLES:
            theirs = signs[_group(role)]
            age = theirs[0].age_seconds if theirs else None
            alive = sum(sign.alive for sign in theirs)
            found[role] = RolePresence(role in self._needed, alive, age)
        return found

    async def leave(self) -> None:
        """Nobody should wait for this process any more."""
        groups = [*self._groups, *map(readers_of, self._reading())]
        leaving = (self._leases.leave(group, self.member) for group in groups)
        for outcome in await asyncio.gather(*leaving, return_exceptions=True):
            if isinstance(outcome, BaseException):
                _LOG.warning("signs of life run out by themselves", why=str(outcome))
                return


def absence(role: str, presence: RolePresence) -> str:
    """Why a role that is needed is missing, in words."""
    if presence.age_seconds is None:
        return f"no process of the role {role} lives: twofold run … --role {role}"
    return (
        f"no process of the role {role} lives: the last one was seen "
        f"{presence.age_seconds:.0f} s ago"
    )


def readers_of(table: str) -> str:
    """The group of those who read a table."""
    return f"reads {table}"


def _group(role: str) -> str:
    return f"role {role}"

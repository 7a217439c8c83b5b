"""Whether a process can do what its roles are for, and what the others leave undone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from twofold.ports.transport import Channel
from twofold.runtime.lag import PartitionLag, ProjectionLag
from twofold.runtime.partitions.relay import GROUP
from twofold.runtime.presence import RolePresence, absence
from twofold.runtime.probe import Probe
from twofold.runtime.system import System


class ProjectionReadiness(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """How far one projection is; ``reason`` if something is wrong. What is unknown is left out."""

    state: str
    applied: int
    lag_events: int
    reason: str = ""
    canary_seconds: float | None = None
    lag_seconds: float | None = None
    age_seconds: float | None = None
    partitions: tuple[PartitionLag, ...] = ()


class RelayReadiness(msgspec.Struct, frozen=True, rename="camel"):
    """Whether this copy publishes, how many copies live, and what is published up to."""

    active: bool
    copies: int
    published: int


class Report(msgspec.Struct, frozen=True, rename="camel"):
    """``problems`` keep this process from its work. ``degraded`` is what others leave undone:
    requests are still answered, but not everything becomes of them what should.
    """

    status: str
    problems: Mapping[str, str]
    degraded: Mapping[str, str]
    head: int
    projections: Mapping[str, ProjectionReadiness]
    processes: Mapping[str, Mapping[str, int]]
    rejected_messages: int
    roles: Mapping[str, RolePresence]
    relay: RelayReadiness | None


class Readiness:
    """Asks whatever the roles of a process need, all at once and in bounded time."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._stuck: Mapping[str, int] = {}
        self._kept = 0
        self._presence: Mapping[str, RolePresence] = {}
        self._copies: Mapping[str, int] = {}
        self._lags: Mapping[str, ProjectionLag] = {}
        self._lag = Probe(self._ask_lags)
        self._probes = {"log": Probe(self._ask_log)}
        if system.tables:
            self._probes["readStore"] = Probe(system.progress.look_at_store)
        if self._channels():
            self._probes["broker"] = Probe(self._ask_broker)

    async def close(self) -> None:
        """Wait for no answer any more."""
        probes = (*self._probes.values(), self._lag)
        await asyncio.gather(*(probe.close() for probe in probes))

    async def look(self) -> Report:
        """How it is now."""
        system = self._system
        # What keeps the lag from being known is told by the others.
        self._lags = {}
        _, *whys = await asyncio.gather(
            self._lag.why(), *(probe.why() for probe in self._probes.values())
        )
        problems = {name: why for name, why in zip(self._probes, whys, strict=True) if why}
        if not system.ready:
            problems["process"] = "it is starting or draining"
        problems |= system.ended
        projections = self._projections()
        problems |= self._unfilled(projections)
        for part in (system.processes, system.queued, system.sharing, system.inboxes):
            problems |= part.stopped()
        if "relay" not in problems:
            problems |= self._without_active_relay(problems)
        return Report(
            status="not ready" if problems else "ready",
            problems=problems,
            degraded=self._degraded(),
            head=system.progress.head,
            projections=projections,
            processes={name: {"stuckInstances": count} for name, count in self._stuck.items()},
            rejected_messages=self._kept,
            roles=self._presence,
            relay=self._relay(),
        )

    async def _ask_log(self) -> None:
        system = self._system
        await system.progress.look_at_log()
        self._presence = await system.presence.look()
        self._stuck = await system.processes.stuck()
        self._kept = await system.inboxes.kept()
        if system.sharing.relay is not None:
            self._copies = await system.log.leases.members(GROUP)

    async def _ask_lags(self) -> None:
        self._lags = await self._system.lags.measure()

    async def _ask_broker(self) -> None:
        transport = self._system.transport
        assert transport is not None
        channels = self._channels()
        await transport.open(channels)
        await transport.last(channels[0].name)

    def _channels(self) -> Sequence[Channel]:
        """Those at the broker that the roles of this process can't work without."""
        system = self._system
        if system.transport is None:
            return []
        found = []
        if system.sharing.relay is not None or system.sharing.feed is not None:
            found.append(system.sharing.channel)
        return [*found, *system.queued.channels, *system.inboxes.channels]

    def _projections(self) -> dict[str, ProjectionReadiness]:
        progress = self._system.progress
        found = {}
        for applier in self._system.appliers:
            position = progress.checkpoint(applier.table).position
            lag = self._lags.get(applier.name)
            found[applier.name] = ProjectionReadiness(
                self._state(applier.name),
                position,
                max(0, progress.head - position),
                progress.stopped.get(applier.table, "") or self._reason(applier.name),
                self._canary(applier.name),
                lag.lag_seconds if lag else None,
                lag.age_seconds if lag else None,
                lag.partitions if lag else (),
            )
        return found

    def _state(self, name: str) -> str:
        state = self._system.progress.state(self._system.tables[name])
        broken = self._nobody_projects or self._not_seen(name)
        return "stopped" if state in ("live", "catching-up") and broken else state

    def _reason(self, name: str) -> str:
        table = self._system.tables[name]
        return self._filled(table) or self._nobody_projects or self._not_seen(name)

    def _not_seen(self, name: str) -> str:
        canary = self._system.canary
        return canary.why(name) if canary is not None else ""

    def _canary(self, name: str) -> float | None:
        canary = self._system.canary
        return canary.seconds.get(name) if canary is not None else None

    def _unfilled(self, projections: Mapping[str, ProjectionReadiness]) -> dict[str, str]:
        """Projections that keep this process from its work, not those that others should do."""
        tables = self._system.tables
        ours = "projector" in self._system.roles
        whys = {
            name: self._system.progress.stopped.get(tables[name], "")
            or self._filled(tables[name])
            or (self._not_seen(name) if ours else "")
            for name in projections
        }
        return {name: why for name, why in whys.items() if why}

    def _filled(self, table: str) -> str:
        """Why a read model can't be read yet: whoever has a filled one should get the requests."""
        known = self._system.progress.checkpoint(table)
        if known.served or "api" not in self._system.roles:
            return ""
        return f"it is being filled: {known.position:,} of {known.served_from:,} events are applied"

    @property
    def _nobody_projects(self) -> str:
        presence = self._presence.get("projector")
        return absence("projector", presence) if presence and presence.missing else ""

    def _without_active_relay(self, problems: Mapping[str, str]) -> dict[str, str]:
        relay = self._relay()
        if relay is None or relay.active or "log" in problems or any(self._copies.values()):
            return {}
        return {"relay": "none of its copies is the active one yet"}

    def _relay(self) -> RelayReadiness | None:
        relay = self._system.sharing.relay
        if relay is None:
            return None
        return RelayReadiness(relay.leads, len(self._copies), relay.published.position)

    def _degraded(self) -> dict[str, str]:
        found = {
            role: absence(role, presence)
            for role, presence in self._presence.items()
            if presence.missing
        }
        progress = self._system.progress
        for name, table in self._system.tables.items():
            if why := progress.refusing(table):
                found[name] = f"commands are refused: {why}"
        canary = self._system.canary
        if canary is not None:
            whys = {name: canary.why(name) for name in self._system.tables}
            found |= {name: why for name, why in whys.items() if why}
            if silence := canary.silence():
                found["canary"] = silence
        return found

"""Going on with rows that other code made, where its change does not concern them."""

from __future__ import annotations

from msgspec.structs import replace

from twofold.errors import FormerCodeAtWork, InvalidInput, Problem
from twofold.ports.read_store import ReadStore
from twofold.runtime.applying import Applier
from twofold.runtime.audit import AuditTrail
from twofold.runtime.presence import readers_of
from twofold.runtime.system import System
from twofold.runtime.versions import read_by, versions_of


async def adopt(system: System, applier: Applier, *, actor: str) -> Applier:
    """The version of a projection that is read becomes this code's, as it stands, with what waits
    in it; the audit trail has it as an action of ``actor``.

    Nobody may be at work on it with the former code: each would take it back. Raises InvalidInput
    if there is nothing to adopt, FormerCodeAtWork while a process that reads it gives signs of
    life, ShapeChanged if the read model has other fields now, StoreUnavailable.
    """
    projection = applier.projection
    adopted = system.choosing.applier(projection, await _read(system, applier))
    subject = {"projection": applier.name, "version": str(adopted.version)}
    async with AuditTrail(system).acting(actor, "adopt version", subject) as acting:
        await _nobody_at_work(system, adopted)
        await _take_over(system.read_store, adopted)
        acting.told = f"its code goes on with version {adopted.version}"
    return adopted


async def _take_over(store: ReadStore, adopted: Applier) -> None:
    await store.open(adopted.tables)
    async with store.transaction() as transaction:
        known = await transaction.hold(adopted.table)
        assert known is not None
        ours = replace(known, fingerprint=adopted.projection.fingerprint)
        if known.parts:
            await transaction.advance_parts(ours, len(known.parts), {})
        else:
            await transaction.advance(ours, known.position)


async def _read(system: System, applier: Applier) -> int:
    """The version that is read, by whatever code made it."""
    fingerprint, stored = applier.projection.fingerprint, await system.read_store.checkpoints()
    found = versions_of(applier.name, stored)
    number = read_by(applier.name, fingerprint, stored)
    if number is None or any(one.fingerprint == fingerprint for one in found.values()):
        why = "its read model was made by this code" if number else "it has no read model yet"
        raise InvalidInput([Problem("projection", f"{applier.name}: {why}")])
    return number


async def _nobody_at_work(system: System, applier: Applier) -> None:
    group = readers_of(applier.table)
    living = [sign for sign in (await system.log.leases.signs([group]))[group] if sign.alive]
    if living:
        raise FormerCodeAtWork(applier.name, applier.version, len(living))

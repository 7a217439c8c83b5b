"""Going on with rows that other code made, where its change does not concern them."""

from __future__ import annotations

from msgspec.structs import replace

from twofold.errors import FormerCodeAtWork, InvalidInput, Problem
from twofold.runtime.applying import Applier
from twofold.runtime.presence import readers_of
from twofold.runtime.system import System
from twofold.runtime.versions import read_by, versions_of


async def adopt(system: System, applier: Applier) -> Applier:
    """The version of a projection that is read becomes this code's, as it stands, with what waits
    in it.

    Nobody may be at work on it with the former code: each would take it back. Raises InvalidInput
    if there is nothing to adopt, FormerCodeAtWork while a process that reads it gives signs of
    life, ShapeChanged if the read model has other fields now, StoreUnavailable.
    """
    store, projection = system.read_store, applier.projection
    adopted = system.choosing.applier(projection, await _read(system, applier))
    await _nobody_at_work(system, adopted)
    await store.open(adopted.tables)
    async with store.transaction() as transaction:
        known = await transaction.hold(adopted.table)
        assert known is not None
        ours = replace(known, fingerprint=projection.fingerprint)
        if known.parts:
            await transaction.advance_parts(ours, len(known.parts), {})
        else:
            await transaction.advance(ours, known.position)
    return adopted


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

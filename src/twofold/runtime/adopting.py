"""Going on with rows that other code made, where its change does not concern them."""

from __future__ import annotations

from msgspec.structs import replace

from twofold.errors import InvalidInput, Problem
from twofold.runtime.applying import Applier
from twofold.runtime.system import System
from twofold.runtime.versions import versions_of


async def adopt(system: System, applier: Applier) -> Applier:
    """The newest version of a projection becomes this code's, as it stands, with what waits in it.

    Nobody may be at work on it with the former code. Raises InvalidInput if there is nothing to
    adopt, ShapeChanged if the read model has other fields now.
    """
    store, projection = system.read_store, applier.projection
    found = versions_of(applier.name, await store.checkpoints())
    if not found or any(one.fingerprint == projection.fingerprint for one in found.values()):
        why = "its read model was made by this code" if found else "it has no read model yet"
        raise InvalidInput([Problem("projection", f"{applier.name}: {why}")])
    adopted = system.choosing.applier(projection, max(found))
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

"""What waits besides projections, counted where it is kept."""

from __future__ import annotations

from collections.abc import Mapping

from twofold.runtime.system import System


async def waiting_beside(system: System) -> Mapping[str, int]:
    """How many sequences of commands and of each process can't go on, by the desk's names for them.

    Raises StoreUnavailable.
    """
    stuck, failing = await system.processes.stuck(), await system.processes.failing()
    counts = {f"process:{name}": stuck[name] + failing[name] for name in stuck}
    return {**counts, "commands": (await system.log.inbox.depth()).parked}

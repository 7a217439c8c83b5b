"""A read model of sums, one number of which the broken code can't apply."""

from __future__ import annotations

from typing import Any

from tests.dying import looking
from tests.ledgers import Add, LedgerId
from tests.poison import broken, rows, settled, verified
from twofold import System
from twofold.runtime.parking.desk import ParkedDesk
from twofold.runtime.parking.views import ParkedView

POISON = 13
SETTINGS: dict[str, Any] = {
    "retry_seconds": 0.02,
    "retry_limit_seconds": 0.02,
    "parked_attempts": 2,
    "poll_seconds": 0.05,
    "parked_limit_per_cause": 1_000,
}


def breaking(system: System) -> Any:
    """Code that can't apply the poison."""
    return broken(system, "sum", "ledger.Added", lambda event: event.number == POISON)


async def added(system: System, ledger: str, *numbers: int) -> None:
    for number in numbers:
        await system.send(Add(ledger_id=LedgerId(ledger), number=number))


async def numbers(system: System, ledger: str) -> list[int]:
    return list((await rows(system, "sum"))[ledger]["numbers"])


async def parks(system: System) -> None:
    """Until all that there is is applied or parked."""
    with looking():
        await settled(system)


async def listed(system: System, state: str = "parked") -> list[ParkedView]:
    return list((await ParkedDesk(system).page("sum", state, size=1_000)).items)


async def proven(system: System, parked: int = 0, deviating: int = 0) -> None:
    """What is shown is what the log says, but for what waits and what was left out."""
    found = await verified(system, "sum")
    assert (found.differences, found.moving) == ((), 0)
    assert (found.parked, found.deviating) == (parked, deviating)

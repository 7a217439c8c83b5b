"""Names that no store can hold are names of nothing, on every store."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import pytest

from tests import bookings
from tests.integration.conftest import Start
from twofold.errors import InvalidInput, NotFound
from twofold.runtime.explaining.causes import Causes
from twofold.runtime.explaining.history import DocumentHistory
from twofold.runtime.parking.desk import ParkedDesk
from twofold.runtime.processes.views import ProcessViews

STORES = ["memory", "sqlite", "postgres", "mongodb"]
NAME = "a\x00b"


@pytest.mark.parametrize("stores", STORES, indirect=True)
async def test_what_has_a_nul_in_its_name_is_not_found(start: Start) -> None:
    system = await start("async", bookings.app)
    processes, parked = ProcessViews(system), ParkedDesk(system)
    asked: list[Coroutine[Any, Any, Any]] = [
        DocumentHistory(system).show("offer_row", NAME),
        Causes(system).find(NAME),
        processes.instance("holding", NAME),
        processes.history("holding", NAME, 0, 10),
        processes.instances("holding", NAME, 10, ""),
    ]
    for place in ("offer_row", "process:holding", "commands"):
        asked += [parked.show(place, NAME), parked.rehearse(place, NAME)]
        asked.append(parked.release(place, NAME, actor="olga"))
    for question in asked:
        with pytest.raises(NotFound):
            await question
    with pytest.raises(InvalidInput):
        await parked.page("offer_row", cause=NAME)

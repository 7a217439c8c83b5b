"""What processes did once is not done again by a rebuild, and what they have yet to do is."""

from __future__ import annotations

from typing import Literal

import pytest

from tests.bookings import app
from twofold import RuntimeSettings
from twofold.runtime.rebuilding.desk import VersionsDesk
from twofold.testing import Site, site

SETTINGS = RuntimeSettings(own_rows=False)


async def events(web: Site) -> list[str]:
    """What happened; what operators did is on record too, and no part of it."""
    found = [event.type for event in await web.system.log.read(0, 1_000)]
    return [one for one in found if not one.startswith("twofold.audit")]


@pytest.mark.parametrize("mode", ["inline", "async"])
def test_a_rebuild_sends_no_command_and_sets_no_timer(mode: Literal["inline", "async"]) -> None:
    with site(app, projections=mode, settings=SETTINGS) as web:
        web.post("/offers", {"offerId": "o", "places": 1})
        web.post("/bookings", {"bookingId": "b", "offerId": "o"})
        web.wait(5)
        before = web.run(events(web))
        assert "offer.PlaceHeld" in before

        for name in list(web.system.tables):
            work = VersionsDesk(web.system).rebuild(name, actor="olga", verify=False)
            assert web.run(work).noticed
        web.wait(60)

        assert web.run(events(web)) == before
        assert web.get("/offers/o").json["held"] == 1
        web.wait(600)
        # The hold that was under way expires when it should, and once.
        done = web.run(events(web))[len(before) :]
        assert done.count("booking.Declined") == done.count("offer.PlaceReleased") == 1
        assert web.get("/offers/o").json["held"] == 0
        assert web.get("/bookings/b").json["status"] == "declined"
        assert {table.rpartition("_")[2] for table in web.system.tables.values()} == {"2"}

"""The sample data shows something of everything."""

from __future__ import annotations

from typing import Any

from training.main import app
from training.sample import Sample
from twofold import System
from twofold.testing import site


def counts(web: Any, path: str, facet: str, by: str = "") -> dict[str, int]:
    """How often each value occurs."""
    found = web.get(path, {"facets": facet, "size": 1}, by=by).json["facets"][facet]
    return {str(one["value"]).lower(): one["count"] for one in found}


async def filled(system: System) -> None:
    """A small sample."""
    await Sample(system).make(programs=12, offers=30, bookings=150)


def test_there_is_something_of_everything() -> None:
    with site(app) as web:
        web.run(filled(web.system))
        web.wait(5)
        proposals = counts(web, "/api/proposals", "status", "admin")
        assert proposals == {
            "released": 12,
            "rejected": 1,
            "release-failed": 1,
            "withdrawn": 1,
            "draft": 1,
            "in-review": 2,
        }
        offers = counts(web, "/api/offers", "status", "manager")
        assert set(offers) == {"draft", "published", "closed", "cancelled"}
        assert counts(web, "/api/offers", "lostProgram", "manager")["true"] > 0
        bookings = counts(web, "/api/bookings", "status", "manager")
        assert {"waiting", "held", "confirmed", "cancelled", "offer-cancelled"} <= set(bookings)
        shown = web.get("/api/training-programs").json
        assert shown["total"] == 12
        assert not any(item["detailsPending"] for item in shown["items"])
        mine = web.get("/api/reviews?mine=true&status=assigned", by="reviewer").json["total"]
        other = web.get("/api/reviews?mine=true&status=assigned", by="reviewer2").json["total"]
        assert mine + other == 2

"""The console's versions: built anew, watched, switched, dropped, each after a question."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import pytest

from tests.bookings import app
from tests.http.test_console import OPERATOR, posted
from tests.http.test_console_explaining import opened, texts
from twofold import RuntimeSettings
from twofold.messages.recorded import microseconds
from twofold.runtime.alerting.desk import AlertsView, AlertView
from twofold.runtime.audit import AuditTrail
from twofold.runtime.proving.notes import Found, Note, Stretch
from twofold.runtime.rebuilding.desk import VersionsDesk
from twofold.testing import Site, site
from twofold.testing.site import Response


@pytest.fixture
def web() -> Iterator[Site]:
    with site(app, projections="async", settings=RuntimeSettings()) as running:
        for number in range(3):
            running.post("/offers", {"offerId": f"o{number}", "places": 2})
        running.wait(2)
        yield running


def act(web: Site, action: str, by: str = "olga", **fields: object) -> Response:
    """Send the answer to the question."""
    given = {"projection": "offer_row", **fields}
    return posted(web, f"/versions/{action}", given, by=by, roles=["operator"])


def states(web: Site) -> dict[int, str]:
    """The versions of the offers."""
    (found,) = web.run(VersionsDesk(web.system).all("offer_row"))
    return {one.number: one.state for one in found.versions}


def until_read(web: Site, version: int) -> None:
    """Let time pass until a version is read."""
    for _ in range(60):
        if states(web).get(version) == "read":
            return
        web.wait(1)
    raise AssertionError(states(web))


def test_versions_are_for_operators(web: Site) -> None:
    for path in ("/versions", "/versions/ask?action=rebuild&projection=offer_row"):
        assert web.get(f"/console{path}").status == 401
        assert web.get(f"/console{path}", by="ann", roles=["customer"]).status == 403
        assert web.get(f"/console{path}", **OPERATOR).status == 200
    refused = posted(
        web, "/versions/rebuild", {"projection": "offer_row"}, by="ann", roles=["customer"]
    )
    assert refused.status == 403
    assert states(web) == {1: "read"}


def test_a_read_model_is_built_anew_switched_back_and_dropped(web: Site) -> None:
    asked = opened(web, "/versions/ask", action="rebuild", projection="offer_row")
    assert "beside version 1, which is read meanwhile" in texts(asked)
    # In memory there is nowhere to fold a shadow for the comparison.
    assert act(web, "rebuild", verify="no").status == 303
    until_read(web, 2)
    web.wait(30)
    page = texts(opened(web, "/versions", projection="offer_row"))
    assert "Version 2: switched" in page
    assert "Back to version 1" in page
    assert act(web, "rollback", seen=2).status == 303
    until_read(web, 1)
    web.wait(30)
    late = act(web, "rollback", by="oscar", seen=2)
    assert (late.status, "not as they were seen" in late.text) == (409, True)
    asked = opened(web, "/versions/ask", action="drop", projection="offer_row", version=2)
    assert "Its rows are removed" in asked
    assert act(web, "drop", version=2).status == 303
    assert states(web) == {1: "read"}
    trail = web.run(AuditTrail(web.system).page()).items
    assert [(one.actor, one.action, one.outcome) for one in trail] == [
        ("olga", "drop version", "done"),
        ("olga", "switch version", "done"),
        ("olga", "rebuild", "done"),
    ]


def test_what_is_read_is_not_dropped(web: Site) -> None:
    refused = act(web, "drop", version=1)
    assert (refused.status, "version 1 is read" in refused.text) == (409, True)
    assert states(web) == {1: "read"}
    assert act(web, "drop", version=7).status == 404
    assert act(web, "cancel").status == 409


def test_unknown_names_and_actions_are_clear(web: Site) -> None:
    near = web.get("/console/versions", {"projection": "ofer_row"}, **OPERATOR)
    assert (near.status, "did you mean offer_row?" in near.text) == (404, True)
    assert act(web, "explode").status == 404
    assert act(web, "drop", version="x").status == 422
    assert posted(web, "/versions/rebuild", {}, **OPERATOR).status == 422


def test_open_alerts_are_told_on_the_overview(web: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Alerts" not in texts(opened(web, ""))
    when = datetime(2026, 1, 2, tzinfo=UTC)
    told = AlertView(
        "1", "k", "parked", "sign", "critical", "Signs wait", "Look", when, when, None, ("hook",)
    )
    over = AlertView("2", "l", "lag", "x", "warning", "It lagged", "Wait", when, when, when, ())

    async def alerts(log: object) -> AlertsView:
        return AlertsView((told,), (over,), {"mail": "refused"})

    monkeypatch.setattr("twofold.http.console.overview.look_at_alerts", alerts)
    page = texts(opened(web, ""))
    for part in ("Signs wait critical", "told to hook", "It lagged", "mail does not take"):
        assert part in page


def test_what_is_proven_is_told_and_what_differs_leads_to_its_document(
    web: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Proven" in opened(web, "")
    assert "differ from the log" not in opened(web, "")
    now_us = microseconds(web.now)
    stretch = Stretch(None, 2, now_us)
    note = Note("t", rows=4, rounds=1, proven_us=now_us, stretches=(stretch,), differing=1)
    different = msgspec.structs.replace(note, found=(Found("o1", "changed", 3, ("places",)),))

    async def noted(log: object, projection: str, table: str) -> Note:
        return different if projection == "offer_row" else Note(table)

    monkeypatch.setattr("twofold.http.console.overview.note_of", noted)
    page = opened(web, "")
    assert "offer_row: 1 differ from the log" in page
    assert "/console/documents?projection=offer_row&amp;key=o1" in page
    assert "50 %" in texts(page)

"""Process managers over HTTP: for operators, as they are described."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests import chores
from tests.bookings import app
from tests.http.conftest import served
from twofold.errors import StoreUnavailable
from twofold.http import measurements
from twofold.testing import Site, site

OPERATOR = {"by": "olga", "roles": ["operator"]}


@pytest.fixture
def web() -> Iterator[Site]:
    with site(app) as running:
        running.post("/offers", {"offerId": "o", "places": 1})
        for booking in ("a", "b", "c"):
            running.post("/bookings", {"bookingId": booking, "offerId": "o"})
            running.wait(1)
        yield running


def get(web: Site, path: str) -> Any:
    response = web.get(path, **OPERATOR)
    assert response.status == 200, response
    return response.json


@pytest.mark.parametrize(
    "path",
    ["/processes", "/processes/holding", "/processes/holding/a", "/processes/holding/a/history"],
)
def test_processes_are_for_operators(web: Site, path: str) -> None:
    assert web.get(path).status == 401
    assert web.get(path, by="ann", roles=["customer"]).status == 403
    assert web.get(path, by="ann", roles=["admin"]).status == 200


def test_a_process_tells_how_far_it_is(web: Site) -> None:
    (holding,) = get(web, "/processes")["items"]
    assert (holding["name"], holding["lagEvents"], holding["stopped"]) == ("holding", 0, "")
    assert holding["nextTimer"].startswith("2026-01-01T09:10:0")


def test_an_instance_shows_what_it_waits_for(web: Site) -> None:
    shown = get(web, "/processes/holding/a")
    assert (shown["status"], shown["state"]) == ("running", {"offerId": "o", "held": True})
    assert [(t["name"], t["data"]) for t in shown["timers"]] == [
        ("HoldExpired", {"bookingId": "a"})
    ]
    assert shown["commands"] == []
    assert get(web, "/processes/holding/b")["status"] == "ended"


def test_the_history_tells_why_each_step_was_taken(web: Site) -> None:
    steps = get(web, "/processes/holding/b/history")["items"]
    assert [step["cause"]["kind"] for step in steps] == ["event", "refusal"]
    assert [c["operation"] for step in steps for c in step["commands"]] == [
        "offer.HoldPlace",
        "booking.Decline",
    ]
    assert steps[1]["cause"]["why"] == "Full: no place is left"
    assert steps[1]["timers"] == [{"name": "HoldExpired", "due": None, "data": None}]
    assert get(web, "/processes/holding/b/history?after=1")["items"] == steps[1:]


def test_instances_are_paged_by_key(web: Site) -> None:
    first = get(web, "/processes/holding?size=2")
    assert [one["key"] for one in first["items"]] == ["a", "b"]
    rest = get(web, f"/processes/holding?size=2&cursor={first['nextCursor']}")
    assert [one["key"] for one in rest["items"]] == ["c"]
    assert rest["nextCursor"] is None


def test_instances_are_found_by_status(web: Site) -> None:
    ended = get(web, "/processes/holding?status=ended&size=1")
    assert [one["key"] for one in ended["items"]] == ["b"]
    rest = get(web, f"/processes/holding?status=ended&size=1&cursor={ended['nextCursor']}")
    assert [one["key"] for one in rest["items"]] == ["c"]
    assert get(web, "/processes/holding?status=stuck")["items"] == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/processes/none", 404),
        ("/processes/holding/none", 404),
        ("/processes/holding/none/history", 404),
        ("/processes?size=1", 400),
        ("/processes/holding?size=0", 400),
        ("/processes/holding?size=many", 400),
        ("/processes/holding?status=lost", 400),
        ("/processes/holding?status=ended&status=stuck", 400),
        ("/processes/holding/a/history?after=-1", 400),
    ],
)
def test_what_is_not_there_is_said(web: Site, path: str, status: int) -> None:
    assert web.get(path, **OPERATOR).status == status


def test_they_are_described(web: Site) -> None:
    document = web.get("/openapi.json").json
    assert {path for path in document["paths"] if path.startswith("/processes")} == {
        "/processes",
        "/processes/{process}",
        "/processes/{process}/{key}",
        "/processes/{process}/{key}/history",
    }
    assert "InstanceView" in document["components"]["schemas"]


def test_stuck_instances_are_counted_and_do_not_make_it_unready() -> None:
    def counted(web: Site) -> tuple[int, str]:
        ready = web.get("/health/ready")
        assert (ready.status, ready.json["status"]) == (200, "ready")
        lines = web.get("/metrics").text.splitlines()
        name = 'twofold_process_stuck_instances{process="chores"}'
        (line,) = [line for line in lines if line.startswith(name)]
        (listed,) = get(web, "/processes")["items"]
        told: int = ready.json["processes"]["chores"]["stuckInstances"]
        assert listed["stuck"] == told
        return told, line.removeprefix(name).strip()

    chores.broken.clear()
    with site(chores.app) as web:
        assert counted(web) == (0, "0.0")
        chores.broken.add("two")
        for key in ("a", "b"):
            web.post(f"/chores/{key}", {"what": "two"})
        web.post("/chores/c", {"what": "one"})
        web.wait(1)
        assert counted(web) == (2, "2.0")
        chores.broken.clear()
        web.wait(120)
        assert counted(web) == (0, "0.0")


async def test_metrics_are_there_while_the_store_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    async def away() -> dict[str, int]:
        raise StoreUnavailable("postgresql", "gone")

    async with served(chores.app) as client:
        monkeypatch.setattr(client.http.system.processes, "stuck", away)
        metrics = await client.get("/metrics")
        ready = await client.get("/health/ready")
    assert metrics.status_code == 200
    assert 'twofold_process_stuck_instances{process="chores"} NaN' in metrics.text
    assert (ready.status_code, list(ready.json()["problems"])) == (503, ["log"])


async def test_a_store_that_hangs_holds_metrics_up_for_seconds_and_is_asked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = 0

    async def hangs() -> int:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()
        return 0

    monkeypatch.setattr(measurements, "LIMIT_SECONDS", 0.1)
    async with served(chores.app) as client:
        await client.get("/metrics")
        with monkeypatch.context() as hanging:
            hanging.setattr(client.http.system.inboxes, "kept", hangs)
            for _ in range(2):
                told = await client.get("/metrics")
        assert "twofold_rejected_messages NaN" in told.text
        assert 'twofold_process_stuck_instances{process="chores"} NaN' in told.text
        assert 'twofold_role_alive{role="api"} NaN' in told.text
        assert "twofold_log_head_position 0.0" in told.text
    assert asked == 1

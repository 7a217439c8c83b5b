"""Freshness objectives over HTTP, in the console, and on the command line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.proposals import app
from twofold.adapters.sqlite.database import SqliteDatabase
from twofold.adapters.sqlite.log import SqliteLog
from twofold.errors import NotFound
from twofold.messages.recorded import microseconds
from twofold.ops.cli import app as cli
from twofold.ports.log import Log
from twofold.ports.tallies import Tally
from twofold.runtime.freshness.budgets import stretches
from twofold.testing import Site, site

OPERATOR: dict[str, Any] = {"by": "otis", "roles": ["operator"]}
NAME = "portfolio_item.one"


@pytest.fixture
def web() -> Iterator[Site]:
    with site(app) as web:
        yield web


def answered(web: Site, answers: int, late: int) -> None:
    """As another process has written it down."""

    async def written() -> None:
        now_us = microseconds(web.system.clock.now())
        await counted(web.system.log, f"{NAME} within 0.2 s", now_us, answers, late)

    web.run(written())


async def counted(log: Log, name: str, now_us: int, answers: int, late: int) -> None:
    rows = [Tally(span, since, name, answers, late) for span, since in stretches(now_us)]
    await log.tallies.add("somebody", now_us, rows)


def test_a_program_reads_what_is_left_of_the_budget(web: Site) -> None:
    answered(web, 2_000, 10)
    (one,) = web.get("/freshness", **OPERATOR).json["items"]
    assert one == {
        "query": NAME,
        "withinSeconds": 0.2,
        "share": 0.99,
        "windowDays": 30,
        "answers": 2_000,
        "late": 10,
        "met": 0.995,
        "budgetLeft": 0.5,
        "burnRateHour": 0.5,
        "burnRateSixHours": 0.5,
        "state": "kept",
        "alert": "",
        "lateSince": None,
        "projections": ["portfolio_item"],
        "days": [{"day": "2026-01-01", "answers": 2_000, "late": 10}],
    }


def test_what_the_site_answers_itself_is_known_ten_seconds_later(web: Site) -> None:
    web.post("/api/proposals", {"title": "Safety", "level": "beginner"}, by="ann")
    (item,) = web.get("/api/proposals").json["items"]
    for _ in range(5):
        assert web.get(f"/api/proposals/{item['id']}", by="ann").status == 200
    web.wait(12)
    (one,) = web.get(f"/freshness?query={NAME}", **OPERATOR).json["items"]
    assert (one["answers"], one["late"], one["state"]) == (5, 0, "kept")


@pytest.mark.parametrize(
    ("late", "state", "alert"),
    [(0, "kept", ""), (9, "too-few", ""), (11, "used-up", "objective")],
)
def test_states(web: Site, late: int, state: str, alert: str) -> None:
    answered(web, 50, late)
    (one,) = web.get("/freshness", **OPERATOR).json["items"]
    assert (one["state"], one["alert"]) == (state, alert)


def test_it_is_for_operators(web: Site) -> None:
    assert web.get("/freshness").status == 401
    assert web.get("/freshness", by="ann").status == 403
    assert web.get("/console/freshness").status == 401
    assert web.get("/console/freshness", by="ann").status == 403


def test_wrong_use_is_told(web: Site) -> None:
    unknown = web.get("/freshness?query=portfolio_item.on", **OPERATOR)
    assert unknown.status == 404
    assert f"did you mean {NAME}?" in unknown.json["detail"]
    other = web.get("/freshness?querry=x", **OPERATOR)
    assert (other.status, other.json["errors"][0]["field"]) == (400, "querry")
    assert web.get("/freshness?query=a&query=b", **OPERATOR).status == 400
    page = web.get("/console/freshness?query=portfolio_item.on", **OPERATOR)
    assert page.status == 404
    assert f"did you mean {NAME}?" in page.text


def test_the_console_shows_what_is_left_and_where_it_comes_from(web: Site) -> None:
    empty = web.get("/console/freshness", **OPERATOR)
    assert "nothing asked" in empty.text
    answered(web, 2_000, 10)
    web.wait(11)
    page = web.get("/console/freshness", **OPERATOR).text
    for text in ("99 % within 200 ms", "99.5 %", "2,000", "50 %", "0.5 \u00d7"):
        assert text in page
    one = web.get(f"/console/freshness?query={NAME}", **OPERATOR).text
    assert "2026-01-01" in one
    assert "/console?projection=portfolio_item" in one


def test_the_overview_begins_with_a_budget_that_is_used_up(web: Site) -> None:
    assert "late more often" not in web.get("/console", **OPERATOR).text
    answered(web, 50, 20)
    web.wait(11)
    page = web.get("/console", **OPERATOR).text
    assert f"Answers of {NAME} are late more often than promised" in page
    assert "0% of its error budget of 30 days is left" in page
    assert f'href="/console/freshness?query={NAME}"' in page


SHOP = "order_page.one within 0.2 s"


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The write database of the commands."""
    # Logging belongs to the process, which other tests share.
    monkeypatch.setattr("twofold.ops.commands.target.configure_logs", lambda **_: None)
    file = tmp_path / "log.db"
    file.touch()
    monkeypatch.setenv("TWOFOLD_LOG", f"sqlite:///{file}")
    monkeypatch.setenv("COLUMNS", "200")
    return file


def write_down(file: Path, answers: int, late: int) -> None:
    async def written() -> None:
        log = SqliteLog(SqliteDatabase(file))
        await log.open()
        await counted(log, SHOP, microseconds(datetime.now(UTC)), answers, late)
        await log.close()

    asyncio.run(written())


def test_a_budget_that_is_kept_is_exit_code_0(log: Path) -> None:
    write_down(log, 4_000, 10)
    done = CliRunner().invoke(cli, ["freshness", "shop"])
    assert done.exit_code == 0, done.output
    for text in ("order_page.one", "99% in 0.2 s", "4,000", "99.75%", "75%", "0.2 x", "kept"):
        assert text in done.output


def test_a_budget_that_is_used_up_is_exit_code_1(log: Path) -> None:
    write_down(log, 100, 50)
    done = CliRunner().invoke(cli, ["freshness", "shop", "order_page.one"])
    assert done.exit_code == 1
    assert "used up" in done.output
    assert "order_page.one: late since" in done.output
    assert datetime.now(UTC).date().isoformat()[:7] in done.output
    listed = CliRunner().invoke(cli, ["freshness", "shop", "--json"])
    assert listed.exit_code == 1
    (one,) = json.loads(listed.stdout)["items"]
    assert (one["query"], one["budgetLeft"], one["alert"]) == ("order_page.one", -49.0, "objective")


def test_an_unknown_query_names_the_nearest(log: Path) -> None:
    done = CliRunner().invoke(cli, ["freshness", "shop", "order_page.onee"])
    assert isinstance(done.exception, NotFound)
    assert "did you mean order_page.one?" in str(done.exception)

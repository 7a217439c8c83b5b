"""Lag is what the stores say: by projection and partition, whether or not anybody works."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.integration.conftest import Start
from tests.proposals import Level, Submit, app
from tests.waiting import until
from twofold import Caller, Sent, System
from twofold.assembly.assemble import assemble
from twofold.assembly.settings import read_settings
from twofold.ops.cli import app as cli
from twofold.ports.transport import partition_of
from twofold.runtime import lag as measuring

QUICK = {"lease_seconds": 0.6, "poll_seconds": 0.05, "partitions": 3}
API, PROJECTOR = frozenset({"api"}), frozenset({"projector"})


async def submit(system: System, count: int) -> None:
    for _ in range(count):
        draft = Submit(title="Safety at work", level=Level.BEGINNER)
        await system.send(draft, Sent(caller=Caller("ann")))


async def applied(system: System, position: int) -> None:
    """Wait until all partitions of all projections are there."""

    async def there() -> bool:
        stored = await system.read_store.checkpoints()
        return all(stored[table].stands_at(position) for table in system.tables.values())

    await until(there)


async def by_partition(system: System, after: int) -> Counter[int]:
    return Counter(partition_of(one.stream, 3) for one in await system.log.read(after, 10_000))


async def test_nothing_is_behind_before_the_first_event(start: Start) -> None:
    api = await start("async", roles=API, **QUICK)
    lags = await api.lags.measure()
    assert {(one.lag_events, one.lag_seconds, one.age_seconds) for one in lags.values()} == {
        (0, 0.0, None)
    }


async def test_what_waits_is_counted_in_its_partition(start: Start) -> None:
    api = await start("async", roles=API, **QUICK)
    projector = await start("async", roles=PROJECTOR, **QUICK)
    await submit(api, 10)
    await applied(api, 10)
    for lag in (await api.lags.measure()).values():
        assert (lag.applied, lag.lag_events, lag.lag_seconds) == (10, 0, 0.0)
        assert [(one.applied, one.lag_events) for one in lag.partitions] == [(10, 0)] * 3
        assert all(one.age_seconds == lag.age_seconds for one in lag.partitions)
    await projector.stop()
    await submit(api, 20)
    expected = await by_partition(api, 10)
    lags = await api.lags.measure()
    assert lags.keys() == api.tables.keys()
    for lag in lags.values():
        assert (lag.applied, lag.lag_events) == (10, 20)
        assert {one.partition: one.lag_events for one in lag.partitions} == {
            number: expected[number] for number in range(3)
        }
        assert lag.lag_seconds == max(one.lag_seconds for one in lag.partitions)
        assert lag.age_seconds is not None
        assert lag.age_seconds >= lag.lag_seconds


async def test_facts_of_the_past_have_not_waited_since_then(start: Start) -> None:
    api = await start("async", roles=API, **QUICK)
    await api.lags.measure()
    draft = Submit(title="Safety at work", level=Level.BEGINNER)
    await api.send(draft, Sent(caller=Caller("ann"), at=datetime(2010, 12, 1, tzinfo=UTC)))
    for lag in (await api.lags.measure()).values():
        assert lag.lag_events == 1
        assert 0 <= lag.lag_seconds < 600
    other = await start("async", roles=API, **QUICK)
    # Who has never seen the log without it can't know better.
    assert all(lag.lag_seconds > 600 for lag in (await other.lags.measure()).values())


async def test_of_many_the_rest_is_taken_to_be_spread_evenly(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "_COUNTED_EVENTS", 8)
    api = await start("async", roles=API, **QUICK)
    projector = await start("async", roles=PROJECTOR, **QUICK)
    await submit(api, 3)
    await applied(api, 3)
    await projector.stop()
    await submit(api, 30)
    lag = (await api.lags.measure())["portfolio_item"]
    assert lag.lag_events == 30
    counted = sum((await by_partition(api, 3)).values())
    about = sum(one.lag_events for one in lag.partitions)
    assert counted <= about < counted + 3
    assert all(one.lag_seconds >= 0 for one in lag.partitions)


@pytest.fixture
async def left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An application whose last two events nobody has applied, and its name."""
    given = {
        "TWOFOLD_LOG": f"sqlite:///{tmp_path / 'proposals.db'}",
        "TWOFOLD_PROJECTIONS": "async",
        "TWOFOLD_PARTITIONS": "3",
    }
    settings = read_settings(app.name, given)
    async with assemble(app, settings, roles=frozenset({"api", "projector"})) as system:
        await submit(system, 3)
        await applied(system, 3)
    async with assemble(app, settings, roles=API) as system:
        await submit(system, 2)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return "tests.proposals:app"


def test_status_tells_partitions_and_that_nobody_projects(left_behind: str) -> None:
    told = CliRunner().invoke(cli, ["status", left_behind, "--json"])
    report = json.loads(told.stdout)
    for one in report["projections"]:
        assert (one["state"], one["applied"], one["lagEvents"]) == ("stopped", 3, 2)
        assert one["ageSeconds"] >= one["lagSeconds"] >= 0
        assert [part["applied"] for part in one["partitions"]] == [3, 3, 3]
        assert sum(part["lagEvents"] for part in one["partitions"]) == 2
    assert report["roles"]["projector"] == {"needed": True, "alive": 0, "ageSeconds": None}
    people = CliRunner().invoke(cli, ["status", left_behind]).stdout
    assert "none, and one is needed" in people

"""Settings that can't work together are refused at the start, with the reason."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from twofold.assembly.settings import read_settings
from twofold.errors import SettingsProblems
from twofold.ops.cli import app as cli

POSTGRES = "postgresql://db/shop"
OTHER = "postgresql://other/shop"
MONGODB = "mongodb://documents/shop"
KAFKA = "kafka://broker:9092"


def settings(**given: str) -> Any:
    """The settings that ``given`` makes, names without their prefix."""
    return read_settings("shop", {f"TWOFOLD_{name.upper()}": v for name, v in given.items()})


REFUSED = {
    "inline, with read models elsewhere": (
        {"log": POSTGRES, "read": OTHER, "projections": "inline"},
        "TWOFOLD_PROJECTIONS: inline writes read models in the command's transaction",
    ),
    "inline, with read models in MongoDB": (
        {"log": POSTGRES, "read": MONGODB, "projections": "inline", "broker": KAFKA},
        "only works where TWOFOLD_READ is the write database; use async",
    ),
    "partitions, with nothing to divide": (
        {"log": POSTGRES, "partitions": "4"},
        "TWOFOLD_PARTITIONS: projections are inline and there is no broker",
    ),
    "no partition": ({"log": POSTGRES, "partitions": "0"}, "TWOFOLD_PARTITIONS: from 1 to 256"),
    "a log in MongoDB": (
        {"log": MONGODB},
        "TWOFOLD_LOG: sqlite:///path.db or postgresql://…, not 'mongodb'",
    ),
    "read models in a broker": (
        {"log": POSTGRES, "read": "redis://cache"},
        "TWOFOLD_READ: sqlite:///path.db or postgresql://… or mongodb://…, not 'redis'",
    ),
    "a database as the broker": (
        {"log": POSTGRES, "broker": OTHER},
        "TWOFOLD_BROKER: none, kafka://host:port, amqp://host or redis://host, not 'postgresql'",
    ),
    "a broker without a place": ({"log": POSTGRES, "broker": "kafka://"}, "TWOFOLD_BROKER: none,"),
    "a prefix that no broker takes": (
        {"log": POSTGRES, "broker": KAFKA, "channel_prefix": "live/"},
        "TWOFOLD_CHANNEL_PREFIX: up to 100 letters, digits",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_sense_is_refused_with_the_reason(case: str) -> None:
    given, reason = REFUSED[case]
    with pytest.raises(SettingsProblems) as refused:
        settings(**given)
    assert reason in str(refused.value)


def test_all_reasons_are_told_at_once() -> None:
    with pytest.raises(SettingsProblems) as refused:
        settings(log=MONGODB, read=OTHER, projections="inline", broker="x://y", partitions="300")
    names = [problem.field for problem in refused.value.problems]
    assert sorted(set(names)) == [
        "TWOFOLD_BROKER",
        "TWOFOLD_LOG",
        "TWOFOLD_PARTITIONS",
        "TWOFOLD_PROJECTIONS",
    ]


@pytest.mark.parametrize("name", ["log", "read", "broker", "alert_smtp"])
def test_an_address_that_can_not_be_read_is_told_without_its_password(name: str) -> None:
    with pytest.raises(SettingsProblems) as refused:
        settings(**{name: "postgresql://shop:hunter[2@db/shop"})
    assert f"TWOFOLD_{name.upper()}: it can't be read" in str(refused.value)
    assert "hunter" not in str(refused.value)


def test_projections_are_inline_where_they_can_be() -> None:
    assert settings(log=POSTGRES).projections == "inline"
    assert settings(log=POSTGRES, read=OTHER).projections == "async"
    assert settings(log=POSTGRES, read=MONGODB).projections == "async"
    assert settings(log=POSTGRES, broker=KAFKA).projections == "async"
    # Published for others, while our own read models stay in the command's transaction.
    assert settings(log=POSTGRES, broker=KAFKA, projections="inline").projections == "inline"


ROLES = {
    "relay": "there is no broker to publish to; set TWOFOLD_BROKER",
    "projector": "projections are inline, so there is nothing for a projector to do",
    "commands": "commands are decided where they come in, so there is nothing",
    "cook": "cook is no role; there are all, api",
}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_without_work_is_refused(role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOFOLD_LOG", POSTGRES)
    # Logs of the tests after this one must not go to the runner's stream.
    monkeypatch.setattr("twofold.ops.commands.run.configure_logs", lambda: None)
    result = CliRunner().invoke(cli, ["run", "shop", "--role", role], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert ROLES[role] in " ".join(result.output.replace("│", " ").split())

"""Process managers on the command line, as an operator sees them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.chores import app as chores_app
from tests.integration.processes.watching import ask, noted
from twofold.assembly.assemble import assemble
from twofold.assembly.settings import read_settings
from twofold.ops.cli import app as cli

NAME = "tests.chores:app"


@pytest.fixture
async def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs ``twofold processes`` on a database in which something has happened."""
    address = f"sqlite:///{tmp_path / 'chores.db'}"
    monkeypatch.setenv("TWOFOLD_LOG", address)
    settings = read_settings("chores", {"TWOFOLD_LOG": address})
    async with assemble(chores_app, settings) as system:
        await ask(system, "a", "timer:x:9999", "tell:no")
        await ask(system, "b", "end")
        await noted(system, "a", "timer:x:9999", "tell:no", "refused no for a")

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(cli, ["processes", *arguments])

    return command


def test_everything_is_listed_shown_and_told(run: Any) -> None:
    (chores,) = json.loads(run(NAME, "list", "--json").stdout)["items"]
    assert (chores["name"], chores["lagEvents"]) == ("chores", 0)
    page = json.loads(run(NAME, "list", "chores", "--json").stdout)
    assert [(one["key"], one["status"]) for one in page["items"]] == [
        ("a", "running"),
        ("b", "ended"),
    ]
    shown = json.loads(run(NAME, "show", "chores", "a", "--json").stdout)
    assert [timer["name"] for timer in shown["timers"]] == ["Alarm/x"]
    steps = run(NAME, "history", "chores", "a", "--json").stdout.splitlines()
    assert [json.loads(step)["cause"]["kind"] for step in steps] == ["event", "event", "refusal"]


def test_people_can_read_it(run: Any) -> None:
    assert "chores" in run(NAME, "list").stdout
    assert "Alarm/x" not in run(NAME, "list", "chores", "--status", "ended").stdout
    shown = run(NAME, "show", "chores", "a").stdout
    assert "chores a: running" in shown
    assert "timer    Alarm/x due" in shown
    told = run(NAME, "history", "chores", "a").stdout
    assert "board.Tell was refused: Refused: no is not to be told" in told
    assert "set Alarm/x to" in told


def test_what_is_not_there_is_said(run: Any) -> None:
    assert "no chores has the id 'z'" in str(run(NAME, "show", "chores", "z").exception)
    assert "no process has the id 'none'" in str(run(NAME, "list", "none").exception)
    wrong = run(NAME, "list", "chores", "--status", "lost")
    assert "one of running, ended, stuck" in str(wrong.exception)

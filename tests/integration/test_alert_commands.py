"""On the command line: what is wrong, what was proven, and exit codes that scripts can use."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from twofold.adapters.sqlite.database import SqliteDatabase
from twofold.adapters.sqlite.log import SqliteLog
from twofold.ops.cli import app as cli
from twofold.runtime.alerting.book import Book, Finding, Told
from twofold.runtime.alerting.desk import GROUP
from twofold.runtime.proving.notes import Found, Note, group_of


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The write database of the commands."""
    # Logging belongs to the process, which other tests share.
    monkeypatch.setattr("twofold.ops.commands.target.configure_logs", lambda **_: None)
    file = tmp_path / "log.db"
    file.touch()
    monkeypatch.setenv("TWOFOLD_LOG", f"sqlite:///{file}")
    return file


def note(file: Path, group: str, mark: str) -> None:
    """As the holder of a lease notes it."""

    async def noted() -> None:
        log = SqliteLog(SqliteDatabase(file))
        await log.open()
        held = await log.leases.share(group, "somebody", 1, 60)
        await log.leases.mark(group, {0: (held[0].token, mark)})
        await log.close()

    asyncio.run(noted())


def test_nothing_wrong_is_exit_code_0(log: Path) -> None:
    done = CliRunner().invoke(cli, ["alerts", "shop", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"open": [], "recent": [], "failing": {}}


def test_an_open_alert_is_exit_code_1_with_what_to_do(log: Path) -> None:
    book = Book().seen(
        [Finding("parked", "order", "parked: 1")], 1_000_000, lambda: "a", ["e-mail"]
    )
    book = book.told("a", "e-mail", Told(1, False, 2_000_000))
    note(log, GROUP, Book(book.open, failing={"webhook": "it answered 500"}).written())
    done = CliRunner().invoke(cli, ["alerts", "shop", "--json"])
    assert done.exit_code == 1
    (alert,) = json.loads(done.stdout)["open"]
    assert (alert["key"], alert["told"], alert["recovered"]) == ("parked/order", ["e-mail"], None)
    assert "twofold parked" in alert["advice"]
    shown = CliRunner().invoke(cli, ["alerts", "shop"])
    assert shown.exit_code == 1
    assert "webhook does not take messages: it answered 500" in shown.output


def test_what_was_never_proven_is_told_as_such(log: Path) -> None:
    done = CliRunner().invoke(cli, ["proven", "shop"])
    assert done.exit_code == 0, done.output
    assert "TWOFOLD_VERIFY_SHARE" in done.output


def test_a_difference_is_exit_code_1_with_document_event_and_fields(log: Path) -> None:
    listed = json.loads(CliRunner().invoke(cli, ["proven", "shop", "--json"]).stdout)
    name = listed[0]["projection"]
    found = Found("o-1", "changed", 17, ("total",))
    now_us = 1_000_000
    noted = Note(f"{name}_1").began(1, now_us).proven(None, 1, 0, [found], now_us)
    note(log, group_of(name), noted.written())
    done = CliRunner().invoke(cli, ["proven", "shop", "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)[0]["differences"] == [
        {"key": "o-1", "kind": "changed", "position": 17, "fields": ["total"]}
    ]

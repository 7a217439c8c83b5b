"""The command line answers every mistake with one message, an exit code, and JSON where asked."""

from __future__ import annotations

import io
import json
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pytest

from tests.bookings import OfferId, Publish, app
from tests.http.test_parked import break_folds
from twofold.assembly.assemble import assemble
from twofold.assembly.settings import read_settings
from twofold.ops.cli import app as cli
from twofold.ops.ending import run_command
from twofold.ops.services.processes import free_port
from twofold.runtime.settings import RuntimeSettings

NAME, OTHER = "tests.bookings:app", "tests.letters:app"


class Said(NamedTuple):
    """What a command told, and how it ended."""

    code: int
    out: str
    err: str


Run: TypeAlias = Callable[..., Said]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Types a command as the program itself takes it."""
    # Logging belongs to the process, which other tests share.
    monkeypatch.setattr("twofold.ops.commands.target.configure_logs", lambda **_: None)
    monkeypatch.setenv("TWOFOLD_LOG", f"sqlite:///{tmp_path / 'bookings.db'}")

    def command(*arguments: str) -> Said:
        with pytest.raises(SystemExit) as end:
            run_command(cli, arguments)
        assert isinstance(end.value.code, int)
        return Said(end.value.code, *capsys.readouterr())

    return command


@pytest.fixture
async def begun(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """There is a database, and the offer ``o`` waits in it."""
    settings = read_settings("bookings", {"TWOFOLD_LOG": f"sqlite:///{tmp_path / 'bookings.db'}"})
    async with assemble(app, settings, runtime=RuntimeSettings(parked_attempts=1)) as system:
        break_folds(system)
        for offer, places in (("o", 13), ("p", 2)):
            await system.send(Publish(offer_id=OfferId(offer), places=places))
    capsys.readouterr()
    return run


MISTAKES = {
    "status": "Missing argument",
    "status shoop": "did you mean shop?",
    "status tests.nowhere:app": "can't import tests.nowhere",
    f"stauts {NAME}": "No such command",
    f"status {NAME} --config none.toml": "none.toml",
    "parked list": "the application comes first: twofold parked APP list",
    f"parked {NAME}": "say what to do: twofold parked tests.bookings:app list|show|dry-run",
    f"parked {NAME} lst": "No such command 'lst'",
    f"parked {NAME} list offer_rwo": "did you mean offer_row?",
    f"parked {NAME} list --state prked": "one of retrying, parked, discarded",
    f"parked {NAME} list --limit -1": "--limit",
    f"parked {NAME} list --limit 99999999": "--limit",
    f"parked {NAME} list --after x": "as the page before gave it",
    f"parked {NAME} show offer_row document:oo": "did you mean document:o?",
    f"parked {NAME} show process:none instance:1": "no projection has the id 'process:none'",
    f"parked {NAME} dry-run offer_row document:zzz": "no parked sequence of offer_row",
    f"parked {NAME} release offer_row": "name sequences, or say --all",
    f"parked {NAME} release offer_row document:zzz --yes": "no parked sequence",
    f"parked {NAME} discard offer_row document:o --yes": "--reason",
    f"events {NAME} --after -1": "--after",
    f"events {NAME} --limit many": "--limit",
    f"processes {NAME} list nope": "no process has the id 'nope'",
    f"processes {NAME} show nope k": "no process has the id 'nope'",
    f"rejected {NAME} show x": "channel/partition@offset",
    f"rejected {NAME} show a/1@2": "no message a/1@2 is kept aside",
    "versions list": "the application comes first: twofold versions APP list",
    f"versions {NAME} list offer_rwo": "did you mean offer_row?",
    f"versions {NAME} switch offer_row 99 --yes": "no version 99; there are 1",
    f"versions {NAME} drop offer_row 99 --yes": "no version of offer_row has the id '99'",
    f"rollback {NAME} offer_rwo --yes": "did you mean offer_row?",
    f"rebuild {NAME}": "name projections, or say --all",
    f"rebuild {NAME} offer_rwo": "did you mean offer_row?",
    f"rebuild {NAME} offer_row --throttle-share 7": "--throttle-share",
    f"rebuild {NAME} offer_row --throttle-lag -1": "--throttle-lag",
    f"verify {NAME} offer_rwo": "did you mean offer_row?",
    f"adopt {NAME} offer_rwo --yes": "did you mean offer_row?",
    f"adopt {NAME} offer_row --yes": "its read model was made by this code",
    f"alerts {NAME} tset": "tset",
    f"alerts {NAME} test": "set TWOFOLD_ALERT_WEBHOOK",
    f"run {NAME} --role boss": "boss is no role",
    f"run {NAME} --port 99999": "--port",
}


def test_every_mistake_is_exit_code_2_with_a_message_that_helps(begun: Run) -> None:
    for typed, told in MISTAKES.items():
        said = begun(*typed.split())
        assert (typed, said.code) == (typed, 2), said
        assert told in said.err, (typed, said.err)
        assert "Traceback" not in said.out + said.err, typed


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        (f"status {NAME} --config none.toml", "settings-problems"),
        (f"parked {NAME} show offer_row document:oo", "not-found"),
        (f"parked {NAME} list --state prked", "invalid-input"),
        (f"events {NAME} --after -1", "wrong-use"),
        (f"verify {NAME} offer_rwo", "wrong-use"),
    ],
)
def test_programs_get_mistakes_as_json_too(begun: Run, typed: str, kind: str) -> None:
    problem = json.loads(begun(*typed.split(), "--json").out)["problem"]
    assert (problem["type"], problem["detail"] != "") == (kind, True)


def test_a_database_that_is_not_there_is_told_and_not_made(run: Run, tmp_path: Path) -> None:
    for typed in ("status", "alerts", "events", "verify", "proven", "rejected"):
        said = run(typed, NAME)
        assert (said.code, "there is no database" in said.err) == (2, True), typed
    assert list(tmp_path.iterdir()) == []


def test_what_waits_is_listed_whole_and_can_be_copied(begun: Run) -> None:
    said = begun("parked", NAME, "list")
    assert said.code == 1
    lines = said.out.splitlines()
    assert lines[0] == "offer_row document:o"
    assert "ValueError: 13 places" in lines[2]
    shown = begun(*lines[-1].removeprefix("look at one: twofold ").split())
    assert (shown.code, "Traceback" in shown.out) == (0, True)
    rehearsed = begun(*shown.out.splitlines()[-1].partition(": twofold ")[2].split())
    assert "would be applied" in rehearsed.out


def test_somebody_who_was_faster_is_something_found(begun: Run) -> None:
    assert begun("parked", NAME, "release", "offer_row", "document:o", "--yes").code == 0
    late = begun("parked", NAME, "release", "offer_row", "document:o", "--yes", "--json")
    assert (late.code, json.loads(late.out)["problem"]["type"]) == (2, "not-found")
    cancelled = begun("versions", NAME, "cancel", "offer_row", "--yes")
    assert (cancelled.code, "no version is being built" in cancelled.err) == (1, True)


def test_nobody_to_ask_is_nothing_done(begun: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    said = begun("parked", NAME, "release", "offer_row", "document:o")
    assert (said.code, "nothing was done" in said.err) == (1, True)
    assert begun("parked", NAME, "list").code == 1


def test_a_reader_who_has_seen_enough_is_no_error(begun: Run, tmp_path: Path) -> None:
    """As ``twofold events … | head -1``, whose pipe is closed before all is printed."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "twofold.ops.cli", "events", NAME]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("name", "address", "told"),
    [
        ("TWOFOLD_LOG", "//me:s3cret@host/x", "not something without a scheme"),
        ("TWOFOLD_LOG", "mysql://me:s3cret@host/x", "not 'mysql'"),
        ("TWOFOLD_BROKER", "me;s3cret@host", "not something without a scheme"),
        ("TWOFOLD_LOG", "postgresql://me:pw@127.0.0.1:s3cret/x", "its address can't be read"),
        ("TWOFOLD_LOG", "postgresql://me:s3cret/pw@127.0.0.1/x", "percent-encoded"),
        ("TWOFOLD_READ", "mongodb://me:s3cret@127.0.0.1:port/x", "its address can't be read"),
        ("TWOFOLD_LOG", "postgresql://me:s3cret@127.0.0.1:{closed}/x", "PostgreSQL is not"),
        ("TWOFOLD_BROKER", "redis://me:s3cret@127.0.0.1:port", "a port is a number"),
    ],
)
def test_what_is_wrong_with_an_address_is_told_without_its_password(
    begun: Run, monkeypatch: pytest.MonkeyPatch, name: str, address: str, told: str
) -> None:
    monkeypatch.setenv(name, address.replace("{closed}", str(free_port())))
    said = begun("status", NAME, "--json")
    assert (said.code, told in json.loads(said.out)["problem"]["detail"]) == (2, True), said
    assert "s3cret" not in said.out + said.err


def test_why_a_process_cannot_start_is_told_once(begun: Run, tmp_path: Path) -> None:
    log = f"sqlite:///{tmp_path / 'bookings.db'}"
    closed = f"postgresql://me:s3cret@127.0.0.1:{free_port()}/x"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for address, application, at, told in (
            (closed, NAME, "0", "PostgreSQL is not available: "),
            (log, OTHER, "0", "TWOFOLD_LOG names the database of another application"),
            (log, NAME, port, "--host, --port: nobody can listen there: Address already in use"),
        ):
            done = subprocess.run(
                [sys.executable, "-m", "twofold.ops.cli", "run", application, "--port", at],
                env={**os.environ, "TWOFOLD_LOG": address},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert (done.returncode, done.stdout) == (2, ""), done
            (line,) = done.stderr.splitlines()
            assert line.startswith(told)


def _tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {name for (name,) in connection.execute("select name from sqlite_master")}


def test_a_database_of_another_application_is_told(begun: Run, tmp_path: Path) -> None:
    before = _tables(tmp_path / "bookings.db")
    for typed in ("status", "verify", "events", "alerts", "proven", "rejected"):
        said = begun(typed, OTHER)
        assert (said.code, said.out) == (2, ""), typed
        assert "TWOFOLD_LOG names the database of another application" in said.err, typed
    problem = json.loads(begun("status", OTHER, "--json").out)["problem"]
    assert problem["type"] == "foreign-events"
    said = begun("check", OTHER)
    assert (said.code, "another application" in said.err) == (1, True)
    assert _tables(tmp_path / "bookings.db") == before


def test_a_read_store_that_was_never_written_is_told(
    begun: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = "has no read model of bookings: see that TWOFOLD_READ"
    monkeypatch.setenv("TWOFOLD_READ", f"sqlite:///{tmp_path / 'other.db'}")
    said = begun("status", NAME)
    assert (said.code, told in said.out) == (0, True), said
    said = begun("verify", NAME)
    assert (said.code, said.out, told in said.err) == (1, "", True), said

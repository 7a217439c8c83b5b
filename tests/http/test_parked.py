"""Parked sequences over HTTP and on the command line: the whole loop of mending one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from tests.bookings import OfferId, Publish, app
from twofold import RuntimeSettings, System
from twofold.assembly.assemble import assemble
from twofold.assembly.settings import read_settings
from twofold.errors import InvalidInput, Outdated
from twofold.ops.cli import app as cli
from twofold.testing import Site, site

OPERATOR = {"by": "olga", "roles": ["operator"]}
WAITING = {"projection": "offer_row", "sequence": "document:o"}


def break_folds(system: System) -> Any:
    """Offers with 13 places can't be counted; answers what there was."""
    folds = system.wired.foldings["offer_row"].folds
    kept = folds["offer.Published"]

    def superstitious(row: Any, event: Any, meta: Any) -> Any:
        if event.places == 13:
            raise ValueError("13 places")
        return kept[0].function(row, event, meta)

    folds["offer.Published"] = (msgspec.structs.replace(kept[0], function=superstitious),)
    return kept


@pytest.fixture
def web() -> Iterator[Site]:
    with site(app, settings=RuntimeSettings(parked_attempts=1)) as running:
        kept = break_folds(running.system)
        running.post("/offers", {"offerId": "o", "places": 13})
        running.post("/offers", {"offerId": "p", "places": 2})
        running.post("/bookings", {"bookingId": "b", "offerId": "o"})
        running.wait(1)
        running.mend = lambda: running.system.wired.foldings["offer_row"].folds.update(  # type: ignore[attr-defined]
            {"offer.Published": kept}
        )
        yield running


@pytest.mark.parametrize("path", ["/parked", "/parked/sequence?projection=a&sequence=b"])
def test_they_are_for_operators(web: Site, path: str) -> None:
    assert web.get(path).status == 401
    assert web.get(path, by="ann", roles=["customer"]).status == 403
    for what in ("dry-run", "release", "discard"):
        refused = web.post(f"/parked/{what}", WAITING, by="ann", roles=["customer"])
        assert refused.status == 403


def test_an_operator_finds_it_sees_the_difference_and_releases(web: Site) -> None:
    page = web.get("/parked", **OPERATOR).json
    (one,) = page["items"]
    assert (one["sequence"], one["state"], page["total"]) == ("document:o", "parked", 1)
    assert one["error"] == "ValueError: 13 places"
    shown = web.get("/parked/sequence", WAITING, **OPERATOR).json
    assert [event["event"] for event in shown["events"]] == ["offer.Published", "offer.PlaceHeld"]
    assert "superstitious" in shown["traceback"]
    failing = web.post("/parked/dry-run", WAITING, **OPERATOR).json
    assert failing["again"]["error"] == "ValueError: 13 places"
    web.mend()  # type: ignore[attr-defined]
    rehearsed = web.post("/parked/dry-run", WAITING, **OPERATOR).json
    assert rehearsed["again"] is None
    (document,) = rehearsed["documents"]
    assert document["what"] == "created"
    fields = {field["name"]: field["after"] for field in document["fields"]}
    assert (fields["places"], fields["held"]) == (13, 1)
    assert web.get("/parked", **OPERATOR).json["total"] == 1
    released = web.post("/parked/release", {**WAITING, "seen": one["seen"]}, **OPERATOR)
    assert (released.status, released.json["applied"]) == (200, 2)
    assert web.get("/parked", **OPERATOR).json["total"] == 0
    again = web.post("/parked/release", WAITING, **OPERATOR)
    assert again.status == 404


def test_two_operators_and_wrong_names_are_told(web: Site) -> None:
    stale = web.post("/parked/release", {**WAITING, "seen": 1}, **OPERATOR)
    assert (stale.status, "not as it was seen" in stale.text) == (409, True)
    named = web.get("/parked", {"projection": "offer_rows"}, **OPERATOR)
    assert (named.status, "did you mean offer_row?" in named.text) == (404, True)
    near = web.post("/parked/dry-run", {**WAITING, "sequence": "document:0"}, **OPERATOR)
    assert "did you mean document:o?" in near.text
    assert web.get("/parked", {"state": "lost"}, **OPERATOR).status == 400
    silent = web.post("/parked/discard", {**WAITING, "reason": " "}, **OPERATOR)
    assert silent.status == 422


def test_discarding_leaves_a_mark(web: Site) -> None:
    given = {**WAITING, "reason": "a test offer", "everything": True}
    done = web.post("/parked/discard", given, **OPERATOR).json
    assert (done["applied"], done["discarded"], done["again"]) == (0, 2, None)
    marks = web.get("/parked", {"state": "discarded"}, **OPERATOR).json["items"]
    assert {mark["reason"] for mark in marks} == {"a test offer"}
    assert {mark["actor"] for mark in marks} == {"olga"}


def test_answers_tell_that_something_waits(web: Site) -> None:
    assert 'twofold_projection_parked_sequences{projection="offer_row"} 1.0' in (
        web.get("/metrics").text
    )


def test_beyond_the_limit_commands_are_refused_until_somebody_has_looked() -> None:
    with site(app, settings=RuntimeSettings(parked_attempts=1, parked_limit_per_cause=2)) as web:
        break_folds(web.system)
        for offer in ("o1", "o2"):
            assert web.post("/offers", {"offerId": offer, "places": 13}).status == 201
        refused = web.post("/offers", {"offerId": "o3", "places": 13})
        assert (refused.status, refused.json["type"]) == (503, "/problems/read-model-stopped")
        assert "offer_row" in refused.json["detail"]
        assert "13" not in refused.json["detail"]
        assert "Retry-After".lower() in {name.lower() for name in refused.headers}
        # All others go on, and operators are told why these can't.
        assert web.post("/offers", {"offerId": "p", "places": 2}).status == 201
        ready = web.get("/health/ready")
        told = ready.json["degraded"]["offer_row"]
        assert (ready.status, "commands are refused: " in told) == (200, True)
        assert "TWOFOLD_PARKED_LIMIT_PER_CAUSE" in told
        stopped = 'twofold_projection_stopped{projection="offer_row"}'
        assert f"{stopped} 1.0" in web.get("/metrics").text
        given = {"projection": "offer_row", "sequence": "document:o1", "reason": "a test"}
        assert web.post("/parked/discard", given, **OPERATOR).status == 200
        assert "offer_row" not in web.get("/health/ready").json["degraded"]
        assert f"{stopped} 0.0" in web.get("/metrics").text
        assert web.post("/offers", {"offerId": "o3", "places": 13}).status == 201


NAME = "tests.bookings:app"


@pytest.fixture
async def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs ``twofold`` on a database in which an offer waits."""
    address = f"sqlite:///{tmp_path / 'bookings.db'}"
    monkeypatch.setenv("TWOFOLD_LOG", address)
    settings = read_settings("bookings", {"TWOFOLD_LOG": address})
    async with assemble(app, settings, roles=frozenset({"api"})) as system:
        break_folds(system)
        for offer, places in (("o", 13), ("p", 2)):
            await system.send(Publish(offer_id=OfferId(offer), places=places))

    def command(*arguments: str, given: str = "") -> Result:
        return CliRunner().invoke(cli, [*arguments], input=given)

    return command


def test_the_whole_loop_on_the_command_line(run: Any) -> None:
    listed = run("parked", NAME, "list", "--json")
    assert listed.exit_code == 1
    (one,) = json.loads(listed.stdout)["items"]
    assert one["sequence"] == "document:o"
    status = json.loads(run("status", NAME, "--json").stdout)
    states = {p["name"]: (p["state"], p["parked"]) for p in status["projections"]}
    assert states["offer_row"] == ("parked", 1)
    shown = run("parked", NAME, "show", "offer_row", "document:o").stdout
    assert "ValueError: 13 places" in shown
    # The command runs the code as it is, which is not broken.
    rehearsed = run("parked", NAME, "dry-run", "offer_row", "document:o")
    assert rehearsed.exit_code == 0
    assert "places: null → 13" in rehearsed.stdout
    asked = run("parked", NAME, "release", "offer_row", "document:o", given="n\n")
    assert (asked.exit_code, "Release 1 of offer_row?" in asked.stdout) == (1, True)
    assert run("parked", NAME, "list").exit_code == 1
    done = run("parked", NAME, "release", "offer_row", "--all", "--yes")
    assert (done.exit_code, "offer_row: 1 released, 0 wait again" in done.stdout) == (0, True)
    assert run("parked", NAME, "list").exit_code == 0
    assert run("verify", NAME, "offer_row").exit_code == 0


def test_those_of_one_cause_are_released_on_the_command_line(run: Any) -> None:
    (cause,) = json.loads(run("parked", NAME, "list", "--json").stdout)["causes"]
    of_another = ["--cause", "KeyError in fold"]
    nothing = run("parked", NAME, "list", "offer_row", *of_another)
    assert (nothing.exit_code, "0 in all" in nothing.stdout) == (0, True)
    release = ("parked", NAME, "release", "offer_row", "--all", "--cause")
    none = run(*release, "KeyError in fold", "--yes")
    assert (none.exit_code, none.stdout) == (
        0,
        "nothing waits in offer_row for this cause: KeyError in fold\n",
    )
    assert run(*release, "KeyError in fold", "--json").stdout == "null\n"
    named = run("parked", NAME, "release", "offer_row", "document:o", "--cause", cause, "--yes")
    assert (named.exit_code, "goes with --all" in named.stderr) == (2, True)
    assert run("parked", NAME, "list", "offer_row", "--cause", cause).exit_code == 1
    asked = run(*release, cause, given="n\n")
    assert asked.exit_code == 1
    assert "the oldest 1 were rehearsed: all of them would be released" in asked.stdout
    assert "Release 1 of offer_row?" in asked.stdout
    done = run(*release, cause, "--json")
    assert (done.exit_code, json.loads(done.stdout)["released"]) == (0, 1)
    trail = json.loads(run("parked", NAME, "list", "offer_row", "--json").stdout)
    assert trail["total"] == 0


def test_discarding_on_the_command_line_asks_for_a_reason(run: Any) -> None:
    assert run("parked", NAME, "discard", "offer_row", "document:o").exit_code == 2
    reason = ["--reason", "a test"]
    done = run("parked", NAME, "discard", "offer_row", "document:o", *reason, "--yes")
    assert (done.exit_code, "1 left out" in done.stdout) == (0, True)
    assert run("parked", NAME, "list").exit_code == 0
    assert "a test" in run("parked", NAME, "list", "--state", "discarded").stdout


def test_mended_code_adopts_on_the_command_line(run: Any, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "bookings.db")) as database, database:
        database.execute(
            "update twofold_checkpoint set fingerprint = 'former' where projection = 'offer_row_1'"
        )
    refused = run("parked", NAME, "release", "offer_row", "document:o", "--yes")
    assert isinstance(refused.exception, Outdated)
    assert run("adopt", NAME, "offer_row", given="n\n").exit_code == 1
    adopted = run("adopt", NAME, "offer_row", "--yes")
    assert (adopted.exit_code, "goes on with version 1" in adopted.stdout) == (0, True)
    assert "1 wait" in adopted.stdout
    again = run("adopt", NAME, "offer_row", "--yes")
    assert isinstance(again.exception, InvalidInput)
    assert run("parked", NAME, "release", "offer_row", "--all", "--yes").exit_code == 0
    assert run("verify", NAME, "offer_row").exit_code == 0

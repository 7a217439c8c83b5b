from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from twofold.ops.services.command import app

runner = CliRunner()


def test_up_prints_addresses_and_down_the_names_it_ended(folder: Path) -> None:
    where = ["--folder", str(folder), "--json"]
    up = runner.invoke(app, ["up", "postgres", *where])
    assert up.exit_code == 0
    assert json.loads(up.stdout)["postgres"].startswith("postgresql://")
    status = json.loads(runner.invoke(app, ["status", *where]).stdout)
    assert status["postgres"]["state"] == "up"
    down = runner.invoke(app, ["down", *where])
    assert json.loads(down.stdout) == {"postgres": "ended"}


def test_a_dead_server_is_something_found(folder: Path) -> None:
    (folder / "postgres.json").write_text(
        '{"name":"postgres","address":"postgresql://127.0.0.1:1/x","pid":1,"started":"0","folder":""}'
    )
    result = runner.invoke(app, ["status", "--folder", str(folder)])
    assert result.exit_code == 1
    assert result.stdout.startswith("postgres  dead")


def test_an_unknown_name_is_wrong_use(folder: Path) -> None:
    assert runner.invoke(app, ["up", "oracle", "--folder", str(folder)]).exit_code == 2

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.rivals import environments
from benchmarks.rivals.__main__ import main
from benchmarks.rivals.launch import RIVALS, Rival

REQUIREMENTS = Path(environments.__file__).with_name("requirements")


@pytest.mark.parametrize("rival", RIVALS.values(), ids=RIVALS)
def test_a_rival_has_its_module_and_its_pins(rival: Rival) -> None:
    assert find_spec(f"benchmarks.rivals.{rival.module}") is not None
    lines = (REQUIREMENTS / f"{rival.environment}.txt").read_text().splitlines()
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []


def test_the_rival_named_in_the_goals_is_the_one_that_runs() -> None:
    assert "eventsourcing==9.5.6" in (REQUIREMENTS / "eventsourcing.txt").read_text()


def test_an_environment_is_installed_once_and_again_for_other_pins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed: list[str] = []

    def install(folder: Path, requirements: Path) -> None:
        folder.mkdir(exist_ok=True)
        installed.append(requirements.read_text())

    monkeypatch.setattr(environments, "_install", install)
    monkeypatch.setattr(environments, "_REQUIREMENTS", tmp_path)
    for pins in ("left-pad==1.0", "left-pad==1.0", "left-pad==1.1"):
        (tmp_path / "pads.txt").write_text(pins)
        found = environments.interpreter("pads", tmp_path)
    assert installed == ["left-pad==1.0", "left-pad==1.1"]
    assert found == tmp_path / "pads" / "bin" / "python"


def test_an_unknown_rival_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nobody"]) == 2
    assert "no rival nobody; there are: eventsourcing-commands" in capsys.readouterr().err

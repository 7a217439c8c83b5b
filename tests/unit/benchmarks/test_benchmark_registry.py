from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks.registry import BadBenchmark, UnknownBenchmark, chosen, found

_CASE = """
from benchmarks.figures import Figures, at_least

NAME = "{name}"
GOAL = at_least(10)
UNIT = "events/s"


def run() -> Figures:
    return Figures(figure=5, raw=20)
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    home = tmp_path / "imagined_cases"
    home.mkdir()
    (home / "__init__.py").touch()
    (home / "appends.py").write_text(_CASE.format(name="appends"))
    (home / "waits.py").write_text(_CASE.format(name="waits"))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield import_module("imagined_cases")
    for name in [name for name in sys.modules if name.startswith("imagined_cases")]:
        del sys.modules[name]


def test_every_module_of_the_package_is_a_benchmark(package: ModuleType) -> None:
    assert sorted(found(package)) == ["appends", "waits"]


def test_no_names_mean_all_in_order(package: ModuleType) -> None:
    assert [benchmark.NAME for benchmark in chosen([], package)] == ["appends", "waits"]


def test_names_are_run_in_the_order_given(package: ModuleType) -> None:
    names = ["waits", "appends"]
    assert [benchmark.NAME for benchmark in chosen(names, package)] == names


def test_an_unknown_name_is_refused_with_those_there_are(package: ModuleType) -> None:
    with pytest.raises(UnknownBenchmark, match="no benchmark speed; there are: appends, waits"):
        chosen(["appends", "speed"], package)


def test_a_module_that_declares_no_goal_is_refused(package: ModuleType) -> None:
    home = Path(str(package.__file__)).parent
    (home / "goalless.py").write_text("NAME = 'goalless'\nUNIT = 's'\ndef run(): ...\n")
    with pytest.raises(BadBenchmark, match=r"goalless\.py declares no GOAL"):
        found(package)


def test_two_modules_can_not_share_a_name(package: ModuleType) -> None:
    home = Path(str(package.__file__)).parent
    (home / "again.py").write_text(_CASE.format(name="waits"))
    with pytest.raises(BadBenchmark, match="the name 'waits' is taken"):
        found(package)


def test_the_projects_own_benchmarks_all_load() -> None:
    for name, benchmark in found().items():
        assert name == benchmark.NAME
        assert benchmark.GOAL.bound > 0

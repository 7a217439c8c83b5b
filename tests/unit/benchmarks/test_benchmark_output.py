from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import __main__ as command
from benchmarks.figures import Figures, at_least, at_most, number


def benchmark(figures: Figures | None, name: str = "appends") -> Any:
    def run() -> Figures:
        if figures is None:
            raise ConnectionError("no server")
        return figures

    return SimpleNamespace(NAME=name, GOAL=at_least(10), UNIT="events/s", run=run)


def test_json_carries_figure_raw_limit_and_where_it_was_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = Figures(figure=5, raw=20, rival=1, details={"p99_ms": 3.5})
    monkeypatch.setattr(command, "chosen", lambda names: [benchmark(figures)])
    assert command.main(["--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert list(result) == [
        *("name", "figure", "unit", "raw", "ratio", "goal"),
        *("machine", "versions", "commit", "details", "rival"),
    ]
    assert (result["ratio"], result["goal"], result["rival"]) == (0.25, 10, 1)
    assert "python" in result["versions"]


def test_a_missed_goal_is_said_in_the_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "chosen", lambda names: [benchmark(Figures(5, 20))])
    assert command.main([]) == 0
    assert "MISSED" in capsys.readouterr().out


def test_one_failure_costs_the_others_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    both = [benchmark(None, "broken"), benchmark(Figures(12, 20))]
    monkeypatch.setattr(command, "chosen", lambda names: both)
    assert command.main(["--json"]) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["name"] == "appends"
    assert "ConnectionError: no server" in printed.err


def test_an_unknown_benchmark_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["no-such-benchmark"]) == 2
    assert "no benchmark no-such-benchmark" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("goal", "figure", "reached"),
    [
        (at_least(10), 10, True),
        (at_least(10), 9.9, False),
        (at_most(10), 10, True),
        (at_most(10), 10.1, False),
    ],
)
def test_rates_must_be_high_and_times_low(goal: Any, figure: float, reached: bool) -> None:
    assert goal.reached_by(figure) is reached


@pytest.mark.parametrize(
    ("value", "text"), [(12345.6, "12,346"), (0.01234, "0.0123"), (2.5, "2.5")]
)
def test_figures_are_written_with_the_digits_that_count(value: float, text: str) -> None:
    assert number(value) == text

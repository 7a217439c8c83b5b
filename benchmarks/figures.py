"""What a benchmark declares and what it finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be reached, in the benchmark's unit."""

    bound: float
    lower_is_better: bool = False

    def reached_by(self, figure: float) -> bool:
        """Whether ``figure`` is as good as the bound or better."""
        return figure <= self.bound if self.lower_is_better else figure >= self.bound

    def __str__(self) -> str:
        return f"{'≤' if self.lower_is_better else '≥'} {number(self.bound)}"


def at_least(bound: float) -> Goal:
    """A goal for rates."""
    return Goal(bound)


def at_most(bound: float) -> Goal:
    """A goal for times and sizes."""
    return Goal(bound, lower_is_better=True)


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run found.

    ``raw`` is the limit of the machine, measured in the same run and the same unit; ``rival`` what
    another library reached in it. ``details`` holds JSON values: percentiles, sizes, settings.
    """

    figure: float
    raw: float
    rival: float | None = None
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """The share of the raw limit."""
        return self.figure / self.raw


class Benchmark(Protocol):
    """A module in ``benchmarks/cases``."""

    @property
    def NAME(self) -> str:  # noqa: N802
        """As given on the command line."""

    @property
    def GOAL(self) -> Goal:  # noqa: N802
        """What is to be reached."""

    @property
    def UNIT(self) -> str:  # noqa: N802
        """Of figure, raw limit, rival and goal alike."""

    def run(self) -> Figures:
        """Measure; some seconds to some minutes."""


def number(value: float) -> str:
    """A figure for people: three digits that count, thousands apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"

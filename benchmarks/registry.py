"""The benchmarks there are: every module in ``benchmarks/cases``."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import cast

from benchmarks import cases
from benchmarks.figures import Benchmark

_DECLARED = ("NAME", "GOAL", "UNIT", "run")


class UnknownBenchmark(LookupError):
    """No benchmark has that name."""

    def __init__(self, names: Sequence[str], known: Sequence[str]) -> None:
        self.names = tuple(names)
        there = ", ".join(known) or "none yet"
        super().__init__(f"no benchmark {', '.join(names)}; there are: {there}")


class BadBenchmark(TypeError):
    """A module in the package is no benchmark, or takes another's name."""


def found(package: ModuleType = cases) -> Mapping[str, Benchmark]:
    """All benchmarks of ``package`` by name. Raises BadBenchmark."""
    benchmarks: dict[str, Benchmark] = {}
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        missing = [name for name in _DECLARED if not hasattr(module, name)]
        if missing:
            raise BadBenchmark(f"{module.__file__} declares no {', '.join(missing)}")
        benchmark = cast(Benchmark, module)
        if benchmark.NAME in benchmarks:
            raise BadBenchmark(f"{module.__file__}: the name {benchmark.NAME!r} is taken")
        benchmarks[benchmark.NAME] = benchmark
    return benchmarks


def chosen(names: Sequence[str], package: ModuleType = cases) -> list[Benchmark]:
    """The named ones, all if none is named. Raises UnknownBenchmark, BadBenchmark."""
    benchmarks = found(package)
    unknown = [name for name in names if name not in benchmarks]
    if unknown:
        raise UnknownBenchmark(unknown, sorted(benchmarks))
    return [benchmarks[name] for name in names or sorted(benchmarks)]

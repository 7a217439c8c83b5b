"""Fresh places on real servers for each combination, and the table of how all of them went."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.combinations import NAMES, Combination
from tests.databases import drop_mongodb, give_back_postgres, new_mongodb, new_postgres

_COMBINATION = "combination"
_rows: dict[tuple[str, ...], None] = {}
_HEAD = (
    "application",
    "log",
    "transport",
    "read store",
    "projections",
    "commands",
    "how",
    "result",
)


@pytest.fixture
async def given(
    combination: Combination, request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[dict[str, str]]:
    """The settings of ``combination``, naming databases and channels that nobody else has."""
    settings = {"TWOFOLD_LOG": f"sqlite:///{tmp_path / 'log.db'}"}
    if combination.log == "postgres":
        server = request.getfixturevalue("postgres_server")
        settings["TWOFOLD_LOG"] = await new_postgres(server)
    if combination.broker != "none":
        settings["TWOFOLD_BROKER"] = request.getfixturevalue(f"{combination.broker}_server")
        settings["TWOFOLD_CHANNEL_PREFIX"] = f"{uuid4().hex}."
    if combination.read == "separate":
        server = request.getfixturevalue("postgres_server")
        settings["TWOFOLD_READ"] = await new_postgres(server)
    if combination.read == "mongodb":
        server = request.getfixturevalue("mongodb_server")
        settings["TWOFOLD_READ"] = new_mongodb(server)
    if combination.projections:
        settings["TWOFOLD_PROJECTIONS"] = combination.projections
    if combination.commands != "sync":
        settings["TWOFOLD_COMMANDS"] = combination.commands
    yield settings
    for name in ("TWOFOLD_LOG", "TWOFOLD_READ"):
        if settings.get(name, "").startswith("postgresql"):
            give_back_postgres(server, settings[name])
    if combination.read == "mongodb":
        await drop_mongodb(settings["TWOFOLD_READ"])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note how a combination went."""
    report = yield
    combination = _combination(item)
    if combination is not None and (report.when == "call" or report.outcome != "passed"):
        refused = [text for name, text in report.user_properties if name == "refused"]
        result = refused[0] if refused else f"{report.outcome}, {report.duration:.1f} s"
        report.user_properties.append((_COMBINATION, _row(combination, str(result))))
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect the rows, from whatever process ran them."""
    for name, value in report.user_properties:
        if name == _COMBINATION and isinstance(value, list | tuple):
            _rows[tuple(map(str, value))] = None


def _combination(item: pytest.Item) -> Combination | None:
    parameters: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    found = parameters.get("combination")
    return found if isinstance(found, Combination) else None


def _row(combination: Combination, result: str) -> tuple[str, ...]:
    inline = combination.broker == "none" and combination.read == "same"
    return (
        combination.application,
        NAMES[combination.log],
        NAMES[combination.broker],
        NAMES[combination.read],
        combination.projections or ("inline" if inline else "async"),
        combination.commands,
        "a process for each role" if combination.apart else "one process",
        result,
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of combinations."""
    if not _rows:
        return
    terminalreporter.section("combinations")
    widths = [max(len(row[i]) for row in [_HEAD, *_rows]) for i in range(len(_HEAD) - 1)]
    for row in [_HEAD, *_rows]:
        cells = [cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)]
        terminalreporter.write_line("  ".join(cells).rstrip())

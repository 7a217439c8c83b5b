"""What a platform engineer types: rebuild, rollback, versions, and what changed folds say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.killing import environment_with

MODULE = """
from twofold import *

class Note(Command):
    text: str

class Noted(Event):
    text: str

class Pad(Value):
    text: str = ""

class Page(ReadModel):
    page: Key[str]
    text: str = ""

pad = EventSourced(Pad, str)
pages = Projection(Page, name="pages")
lines = Projection(Page, name="lines")

@pages.on
def noted(page: Page | None, event: Noted, meta: Recorded) -> Page:
    return Page(page=meta.stream_id, text=event.text)

@lines.on
def lined(page: Page | None, event: Noted, meta: Recorded) -> Page:
    return Page(page=meta.stream_id, text=event.text)

@pad.decides
def note(state: Pad | None, command: Note) -> Noted:
    return Noted(text=command.text)

@pad.evolves
def after(state: Pad | None, event: Noted) -> Pad:
    return Pad(text=event.text)

app = Application("pads", Module("pads", pad, pages, lines, internal(Note, may=anyone)))
"""
FILLING = """
import asyncio, os, sys
from pathlib import Path
from pads import Note, app
from twofold.assembly.assemble import assemble
from twofold.assembly.settings import read_settings

async def fill():
    async with assemble(app, read_settings("pads", os.environ)) as system:
        for number in range(3):
            await system.send(Note(text=f"n-{number}"))

asyncio.run(fill())
"""


class Terminal:
    """A folder with an application, and commands that are typed in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "pads.py").write_text(MODULE)
        self._environment = environment_with(log=f"sqlite:///{folder / 'pads.db'}")
        self._run("-c", FILLING)

    def types(self, *command: str, answers: str = "") -> subprocess.CompletedProcess[str]:
        return self._run("-m", "twofold.ops.cli", *command, answers=answers, check=False)

    def change(self, before: str, after: str) -> None:
        """Edit the module."""
        module = self._folder / "pads.py"
        assert module.read_text().count(before) == 1
        module.write_text(module.read_text().replace(before, after))

    def _run(
        self, *command: str, answers: str = "", check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *command],
            cwd=self._folder,
            env={**self._environment, "PYTHONPATH": os.fspath(self._folder)},
            input=answers,
            capture_output=True,
            text=True,
            check=check,
        )


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """Three pages, and nobody at work."""
    return Terminal(tmp_path)


def listed(terminal: Terminal) -> list[tuple[int, str, int | None]]:
    done = terminal.types("versions", "pads:app", "list", "pages", "--json")
    (found,) = json.loads(done.stdout)["items"]
    return [(one["number"], one["state"], one["rows"]) for one in found["versions"]]


def test_rebuilding_going_back_and_tidying_up(terminal: Terminal) -> None:
    done = terminal.types("rebuild", "pads:app", "pages", "--throttle-share", "0.9")
    assert done.returncode == 0, done.stderr
    assert re.search(r"pages: 3 rows compared at position \d, equal to the log", done.stdout)
    assert "pages: version 2 is read now" in done.stdout
    assert re.search(r"rebuild pages: (\d) of \1 \(100 %\)", done.stderr)
    assert listed(terminal) == [(2, "read", 3), (1, "former", 3)]

    asked = terminal.types("rollback", "pads:app", "pages", answers="n\n")
    assert asked.returncode == 1
    assert "read instead of version 2" in asked.stdout
    assert listed(terminal)[0] == (2, "read", 3)
    back = terminal.types("rollback", "pads:app", "pages", "--yes")
    assert (back.returncode, "pages: version 1 is read now" in back.stdout) == (0, True)
    assert listed(terminal) == [(2, "former", 3), (1, "read", 3)]

    dropped = terminal.types("versions", "pads:app", "drop", "pages", "--yes")
    assert (dropped.returncode, dropped.stdout) == (0, "pages: version 2 is dropped\n")
    again = terminal.types("rebuild", "pads:app", "pages", "--drop-old", "--no-verify")
    assert "pages: version 1 is dropped" in again.stdout
    assert listed(terminal) == [(3, "read", 3)]
    assert terminal.types("rollback", "pads:app", "pages", "--yes").returncode == 1


def test_what_makes_no_sense_is_wrong_use(terminal: Terminal) -> None:
    for command in ("rebuild", "rollback"):
        unknown = terminal.types(command, "pads:app", "page")
        assert unknown.returncode == 2
        assert "pages" in unknown.stderr
    for options in (["--throttle-share", "2"], ["--throttle-lag", "0"], ["--all"]):
        assert terminal.types("rebuild", "pads:app", "pages", *options).returncode == 2
    nothing = terminal.types("versions", "pads:app", "cancel", "pages", "--yes")
    assert (nothing.returncode, "no version is being built" in nothing.stderr) == (1, True)
    assert terminal.types("versions", "pads:app", "switch", "pages", "7", "--yes").returncode == 2


def test_changed_folds_are_named_with_the_command_to_run(terminal: Terminal) -> None:
    before = "def noted(page: Page | None, event: Noted, meta: Recorded) -> Page:\n    return Page("
    terminal.change(f"{before}page=meta.stream_id, text=event.text", f"{before}page=meta.stream_id")
    checked = terminal.types("check", "pads:app")
    assert "the folds of pages have changed" in checked.stdout
    status = json.loads(terminal.types("status", "pads:app", "--json").stdout)
    states = {one["name"]: one["outdated"] for one in status["projections"]}
    assert states == {"pages": True, "lines": False}
    assert "run: twofold rebuild APP pages" in status["notes"][0]

    done = terminal.types("rebuild", "pads:app", "pages")
    assert "pages: version 2 is read now" in done.stdout
    assert listed(terminal) == [(2, "read", 3), (1, "other code", 3)]
    back = terminal.types("rollback", "pads:app", "pages", "--yes")
    assert back.returncode == 1
    assert "run that code again" in back.stderr
    # The former code finds its version where it was.
    terminal.change(f"{before}page=meta.stream_id", f"{before}page=meta.stream_id, text=event.text")
    assert listed(terminal) == [(2, "other code", 3), (1, "read", 3)]

"""The reference leaves nothing out: commands, settings, problems, names, the testing kit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.main import get_command

import twofold
from shop.cli import app as shop
from training.cli import app as training
from twofold import testing
from twofold.assembly.settings import _NAMES
from twofold.http.problems import KINDS, problem_name
from twofold.ops.cli import app as main

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {page.name: page.read_text("utf-8") for page in (DOCS / "reference").glob("*.md")}


def commands(name: str, app: typer.Typer) -> Iterator[str]:
    """All commands of a program, groups followed, as they are typed."""
    waiting = [(name, get_command(app))]
    while waiting:
        called, command = waiting.pop()
        inner = getattr(command, "commands", {})
        if not inner:
            yield called
        waiting += [(f"{called} {part}", one) for part, one in inner.items()]


PROGRAMS = {"twofold": main, "shop": shop, "training": training}


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_command_is_in_the_reference(program: str) -> None:
    page = PAGES["cli.md"].replace("up\\|down\\|status", "up").replace("parked APP", "parked")
    page = page.replace("versions APP", "versions").replace("processes APP", "processes")
    page += "twofold services down, twofold services status"
    missing = [c for c in commands(program, PROGRAMS[program]) if c not in page]
    assert missing == []


def test_every_setting_is_in_the_reference() -> None:
    assert [name for name in _NAMES if f"`{name}`" not in PAGES["settings.md"]] == []


def test_every_problem_is_in_the_reference_with_its_status() -> None:
    rows = dict(re.findall(r"^\| `([\w-]+)` \| ([^|]+) \|", PAGES["problems.md"], re.M))
    known = {problem_name(kind.error): str(kind.status) for kind in KINDS}
    known |= {"invalid-input": "400 or 422", "internal": "500"}
    assert rows == known


def test_every_public_name_is_in_the_reference() -> None:
    page = PAGES["declaring.md"]
    assert [name for name in twofold.__all__ if not re.search(rf"\b{name}\b", page)] == []


def test_the_whole_testing_kit_is_in_the_reference() -> None:
    page = PAGES["testing.md"]
    assert [name for name in testing.__all__ if not re.search(rf"\b{name}\b", page)] == []


def test_links_between_the_documents_lead_somewhere() -> None:
    pages = [*DOCS.rglob("*.md"), *DOCS.parent.glob("*.md")]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)\)", _prose(page.read_text("utf-8")))
        if not (page.parent / target).exists()
    ]
    assert broken == []


def _prose(page: str) -> str:
    """Without code, in which calls of generic types look like links."""
    return re.sub(r"```.*?```", "", page, flags=re.S)

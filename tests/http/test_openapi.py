"""Whatever is sent to an application, it does what its description says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.http import desk
from tests.openapi import check_description, listening
from twofold import Application, Module, Query, Reader, Value, answers, anyone, get, internal

_HOOKS = "tests.http.desk_hooks"


class Answer(Value):
    text: str


class Broken(Query[Answer]):
    """Promises an answer."""


@answers(desk.pages)
async def broken(query: Broken, read: Reader) -> Answer:
    raise RuntimeError("there is none")


async def test_the_help_desk_does_what_its_description_says(tmp_path: Path) -> None:
    async with listening(desk.app, f"sqlite:///{tmp_path / 'desk.db'}") as served:
        await check_description(served, _HOOKS, 15, tmp_path / "answers")


async def test_a_promise_that_is_not_kept_is_found(tmp_path: Path) -> None:
    commands = (desk.OpenTicket, desk.Rate, desk.Describe, desk.Close)
    silent = [internal(command, may=anyone) for command in commands]
    shown = get("/api/broken", broken, may=anyone)
    module = Module("tickets", desk.tickets, desk.pages, *silent, shown)
    liar = Application("liar", module, accounts=desk.app.accounts)
    async with listening(liar, f"sqlite:///{tmp_path / 'liar.db'}") as served:
        with pytest.raises(AssertionError, match="Server error"):
            await check_description(served, _HOOKS, 1, tmp_path / "answers")

"""Why a command came to nothing is read from records of all versions."""

from __future__ import annotations

import msgspec
import pytest

from twofold.ports.log import CommandRecord
from twofold.runtime.failures import CommandFailure


def recorded(answer: bytes) -> CommandFailure:
    return CommandFailure.of(CommandRecord("c", "do", "", "failed", answer, 0, 1))


def test_what_is_written_is_read() -> None:
    failure = CommandFailure.left_out("olga", "entered: twice")
    failure = msgspec.structs.replace(failure, lane="ledger:l", error="E: e", attempts=5)
    assert recorded(failure.written()) == failure
    assert failure.why == "left out by olga: entered: twice"


@pytest.mark.parametrize(
    ("why", "actor", "reason"),
    [("left out by olga: entered: twice", "olga", "entered: twice"), ("it is gone", "", "")],
)
def test_former_records_say_it_in_one_text(why: str, actor: str, reason: str) -> None:
    failure = recorded(msgspec.json.encode({"why": why}))
    assert (failure.why, failure.actor, failure.reason) == (why, actor, reason)

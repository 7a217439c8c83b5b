"""What all applications tell schemathesis: who asks, what people can type, what exists.

The process that runs it has the address of the application in TESTED_ADDRESS; it writes what each
operation answered to the file that TESTED_ANSWERS names.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from unicodedata import category

import httpx
import schemathesis

_ADDRESS = os.environ["TESTED_ADDRESS"]
_ANSWERS = Path(os.environ["TESTED_ANSWERS"])
_CHANCE = Random(1)


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Note what is answered to a request as described."""
    if is_good(case):
        with _ANSWERS.open("a", encoding="utf-8") as file:
            file.write(f"{case.operation.label} {response.status_code}\n")


def is_free(case: Any) -> bool:
    """Whether a good request is no part of a story, in which things follow from others."""
    return is_good(case) and case.meta.phase.name != "stateful"


def is_good(case: Any) -> bool:
    """Whether the request is as described."""
    described = case.meta is not None and case.meta.generation.mode.is_positive
    return described and case.method.lower() == case.operation.method.lower()


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Cursors can't be made up; fields that a form leaves empty count as left out."""
    query = case.query or {}
    return "cursor" not in query and "" not in query.values()


@cache
def bearer(account: str) -> str:
    """A demo token."""
    answer = httpx.post(f"{_ADDRESS}/demo/sign-in", json={"account": account})
    token: str = answer.json()["token"]
    return token


def asked(path: str, account: str, body: Any = None) -> httpx.Response:
    """What GET answers an account, with a body POST."""
    headers = {"authorization": f"Bearer {bearer(account)}"}
    method = "GET" if body is None else "POST"
    answer = httpx.request(method, f"{_ADDRESS}{path}", json=body, headers=headers)
    assert answer.is_success, f"{method} {path}: {answer.text}"
    return answer


def one_of(known: Sequence[str], given: str) -> str:
    """Mostly something that exists, one time in four what is given."""
    return given if not known or _CHANCE.random() < 0.25 else _CHANCE.choice(known)


def typed(value: str) -> str:
    """A text that people can type."""
    return "".join(character for character in value if category(character) != "Cc")

"""What the routes for operators have in common: who may, which parameters, how they answer."""

from __future__ import annotations

from typing import Any

import msgspec

from twofold.domain.caller import Rule
from twofold.errors import InvalidInput, Problem
from twofold.http.exchange import Exchange
from twofold.http.responses import problems

_SIZE, _LARGEST = 20, 200


def asked(exchange: Exchange, may: Rule, what: str, *known: str) -> dict[str, str]:
    """The parameters of the query. Raises Forbidden, SignInRequired, InvalidInput."""
    may.check(what, exchange.caller)
    wrong = []
    given = exchange.query()
    for name, values in given.items():
        if name not in known:
            listed = ", ".join(known) or "none"
            wrong.append(Problem(name, f"no such parameter; there are: {listed}"))
        elif len(values) > 1:
            wrong.append(Problem(name, "given more than once"))
    if wrong:
        raise InvalidInput(wrong)
    return {name: values[0] for name, values in given.items()}


def page_size(given: dict[str, str]) -> int:
    """The parameter ``size``. Raises InvalidInput."""
    return whole("size", given.get("size", str(_SIZE)), 1, _LARGEST)


def whole(name: str, text: str, least: int, most: int) -> int:
    """A whole number. Raises InvalidInput."""
    digits = text.isascii() and text.isdigit() and len(text) < 17
    if not digits or not least <= int(text) <= most:
        raise InvalidInput([Problem(name, f"a whole number from {least} to {most}")])
    return int(text)


async def answer_json(exchange: Exchange, what: object) -> None:
    """Answer 200."""
    await exchange.answer(200, msgspec.json.encode(what))


def described(
    may: Rule,
    tag: str,
    name: str,
    summary: str,
    parameters: list[Any],
    answer: dict[str, Any],
    *more: str,
) -> dict[str, Any]:
    """An operation of the OpenAPI document; ``more`` are statuses beyond the usual ones."""
    return {
        "operationId": name,
        "summary": summary,
        "description": f"For {may.text}.",
        "tags": [tag],
        "parameters": parameters,
        "responses": {
            "200": {
                "description": "What was asked for",
                "content": {"application/json": {"schema": answer}},
            },
            **problems("400", "401", "403", "503", *more),
        },
        "security": [{"bearer": []}, {"session": []}],
    }

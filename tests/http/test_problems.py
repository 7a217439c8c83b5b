"""Problems: what they say, and what their types mean."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.http.conftest import Client
from twofold import Refused, errors
from twofold.http import rejections
from twofold.http.problems import KINDS, problem_bytes, problem_name, status_of


def every_error(root: type[Exception]) -> set[type[Exception]]:
    below = [
        every_error(child) for child in root.__subclasses__() if "tests" not in child.__module__
    ]
    return {root}.union(*below)


def test_every_rejection_has_a_kind_of_its_own() -> None:
    known = {kind.error for kind in KINDS}
    assert every_error(rejections.Rejection) - known == {rejections.Rejection}


async def test_every_type_is_explained(client: Client) -> None:
    for kind in KINDS:
        answer = await client.get(f"/problems/{problem_name(kind.error)}")
        assert answer.status_code == 200
        assert (answer.json()["status"], answer.json()["title"]) == (kind.status, kind.title)
        assert answer.json()["whatToDo"]
    assert (await client.get("/problems/internal")).json()["status"] == 500
    assert (await client.get("/problems/none")).status_code == 404


async def test_an_applications_refusal_is_explained_in_its_own_words(client: Client) -> None:
    answer = await client.get("/problems/too-late")
    assert (answer.json()["title"], answer.json()["status"]) == ("It was decided already", 409)


class OutOfStock(Refused):
    """Nothing left to sell."""


def document(error: Exception) -> dict[str, Any]:
    status = status_of(error, {OutOfStock: 410}, command=True)
    found: dict[str, Any] = msgspec.json.decode(problem_bytes(error, status, "r1"))
    return found


def test_a_refusal_tells_why_what_is_possible_and_its_details() -> None:
    refusal = OutOfStock("No more lamps", allowed="order chairs", details={"left": 0, "status": 1})
    assert document(refusal) == {
        "type": "/problems/out-of-stock",
        "title": "Nothing left to sell",
        "status": 410,
        "detail": "No more lamps",
        "allowed": "order chairs",
        "left": 0,
        "details": {"status": 1},
        "requestId": "r1",
    }


@pytest.mark.parametrize(
    "error", [RuntimeError("secret"), errors.ForeignLog("secret", "a", "b"), KeyError("secret")]
)
def test_what_is_not_meant_for_clients_stays_inside(error: Exception) -> None:
    found = document(error)
    assert found["status"] == 500
    assert found["type"] == "/problems/internal"
    assert "secret" not in str(found)


def test_bad_input_is_422_for_a_command_and_400_for_a_query() -> None:
    bad = errors.InvalidInput([errors.Problem("a", "is missing"), errors.Problem("b", "is odd")])
    assert status_of(bad, {}, command=True) == 422
    assert status_of(bad, {}, command=False) == 400
    assert document(bad)["errors"] == [
        {"field": "a", "message": "is missing"},
        {"field": "b", "message": "is odd"},
    ]
    assert status_of(errors.BadToken("no"), {}, command=True) == 400

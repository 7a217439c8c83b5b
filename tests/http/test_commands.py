"""Commands over HTTP."""

from __future__ import annotations

from asyncio import gather
from typing import Any

import pytest

from tests.http.conftest import Client

DRAFT = {"title": "Machine safety", "level": "beginner"}
PROPOSALS = "/api/proposals"


async def test_a_created_proposal_is_there_with_its_token(client: Client) -> None:
    answer = await client.post(PROPOSALS, DRAFT, by="ann")
    assert answer.status_code == 201
    identity, token = answer.json()["proposalId"], answer.headers["consistency-token"]
    assert "HttpOnly" in answer.headers["set-cookie"]
    found = await client.get(f"{PROPOSALS}/{identity}", consistency_token=token)
    assert found.status_code == 200
    assert found.json()["status"] == "submitted"
    assert found.headers["freshness"] == "current"
    assert found.headers["as-of"].endswith("Z")
    with_cookie = await client.get(f"{PROPOSALS}/{identity}", cookie=f"twofold_token={token}")
    assert with_cookie.status_code == 200


async def test_all_problems_of_a_body_are_named_at_once(client: Client) -> None:
    body = {"title": "No", "level": "expert", "extra": 1}
    answer = await client.post(PROPOSALS, body, by="ann")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert {e["field"]: e["message"] for e in answer.json()["errors"]} == {
        "title": "needs at least 5 characters",
        "level": "one of beginner, advanced",
        "extra": "no such field; there are: title, level",
    }
    assert answer.json()["requestId"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (b"{", 400, "JSON"),
        (b'{"title":"\xff"}', 400, "not UTF-8"),
        (b"[" * 9_999, 400, "nested too deep"),
        (b"[]", 422, "JSON object"),
        (b'{"title":"' + b"x" * 20_000 + b'"}', 413, "10,000 bytes"),
        (b'{"title":"Nul \\u0000 title","level":"beginner"}', 422, "U+0000"),
    ],
)
async def test_bodies_that_cannot_be_read(
    client: Client, body: bytes, status: int, detail: str
) -> None:
    answer = await client.send("POST", PROPOSALS, body, "ann", content_type="application/json")
    assert answer.status_code == status
    assert detail in answer.json()["detail"]


async def test_another_media_type_is_refused(client: Client) -> None:
    answer = await client.send("POST", PROPOSALS, b"title=x", "ann", content_type="text/plain")
    assert answer.status_code == 415


async def test_who_may(client: Client) -> None:
    assert (await client.post(PROPOSALS, DRAFT)).status_code == 401
    identity = (await client.post(PROPOSALS, DRAFT, by="ann")).json()["proposalId"]
    accept = f"{PROPOSALS}/{identity}/accept"
    assert (await client.post(accept, by="ann")).status_code == 403
    assert (await client.post(f"{PROPOSALS}/{identity}/withdraw", by="bob")).status_code == 403
    assert (await client.post(accept, by="rita")).status_code == 200
    assert (await client.post(f"{PROPOSALS}/none/accept", by="rita")).status_code == 404
    bad = await client.post(PROPOSALS, DRAFT, authorization="Bearer nonsense")
    assert bad.status_code == 401
    assert bad.headers["www-authenticate"] == "Bearer"


async def test_refusals_say_what_they_are(client: Client) -> None:
    identity = (await client.post(PROPOSALS, DRAFT, by="ann")).json()["proposalId"]
    await client.post(f"{PROPOSALS}/{identity}/accept", by="rita")
    answer = await client.post(f"{PROPOSALS}/{identity}/reject", {"reason": "no"}, by="rita")
    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/too-late"
    assert answer.json()["detail"] == "It is accepted already"


async def test_idempotency_keys(client: Client) -> None:
    first = await client.post(PROPOSALS, DRAFT, by="ann", idempotency_key='"key-1"')
    again = await client.post(PROPOSALS, DRAFT, by="ann", idempotency_key="key-1")
    assert (again.status_code, again.content) == (201, first.content)
    if not client.http.system.queued.asynchronous:
        assert again.headers["idempotent-replayed"] == "true"
    other = {**DRAFT, "title": "Another title"}
    reused = await client.post(PROPOSALS, other, by="ann", idempotency_key="key-1")
    assert reused.status_code == 422
    somebody = await client.post(PROPOSALS, other, by="bob", idempotency_key="key-1")
    assert somebody.status_code == 201
    for bad in ("two words", "x" * 256, '"open', '""', ""):
        answer = await client.post(PROPOSALS, DRAFT, by="ann", idempotency_key=bad)
        assert answer.status_code == 400


async def test_two_hundred_requests_with_one_key_have_one_effect(client: Client) -> None:
    waiting = iter(range(200))

    async def sender() -> list[tuple[int, bytes]]:
        answers = [
            await client.post(PROPOSALS, DRAFT, by="ann", idempotency_key="k") for _ in waiting
        ]
        return [(answer.status_code, answer.content) for answer in answers]

    answers = [one for found in await gather(*(sender() for _ in range(50))) for one in found]
    assert len(answers) == 200
    assert len(set(answers)) == 1
    assert answers[0][0] == 201
    assert await client.http.system.log.head() == 1


async def test_a_commands_status_is_known_by_its_id(client: Client) -> None:
    done = await client.post(PROPOSALS, DRAFT, by="ann", idempotency_key="k")
    path = f"/commands/{done.headers['command-id']}"
    status: dict[str, Any] = (await client.get(path, by="ann")).json()
    assert status["status"] == "succeeded"
    assert status["result"] == done.json()
    assert status["consistencyToken"] == done.headers["consistency-token"]
    assert (await client.get(path)).status_code == 401
    assert (await client.get(path, by="bob")).status_code == 404
    assert (await client.get(path, by="otis")).json() == status
    assert (await client.get("/commands/%00", by="ann")).status_code == 404
    assert (await client.get("/commands/none", by="ann")).status_code == 404


async def test_a_session_cookie_is_no_good_from_another_site(client: Client) -> None:
    signed = await client.post("/demo/sign-in", {"account": "ann"})
    cookie = f"twofold_session={signed.json()['token']}"
    ours = await client.post(PROPOSALS, DRAFT, cookie=cookie, origin="http://test", host="test")
    assert ours.status_code == 201
    theirs = await client.post(PROPOSALS, DRAFT, cookie=cookie, origin="http://evil", host="test")
    assert theirs.status_code == 403
    fetched = await client.post(PROPOSALS, DRAFT, cookie=cookie, sec_fetch_site="cross-site")
    assert fetched.status_code == 403
    spoiled = await client.get(PROPOSALS, cookie="twofold_session=spoiled")
    assert spoiled.status_code == 200
    assert "Max-Age=0" in spoiled.headers["set-cookie"]

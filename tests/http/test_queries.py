"""Queries and the framework's own routes over HTTP."""

from __future__ import annotations

import httpx
import pytest

from tests.http.conftest import Client
from tests.http.test_commands import PROPOSALS
from twofold.runtime.tokens import Tokens


async def filled(client: Client, count: int = 3) -> str:
    """Some proposals; the token of the last."""
    for number in range(count):
        body = {"title": f"Course {number:02} <b>", "level": "advanced" if number else "beginner"}
        answer = await client.post(PROPOSALS, body, by="ann")
    token: str = answer.headers["consistency-token"]
    return token


async def test_lists(client: Client) -> None:
    token = await filled(client)
    path = f"{PROPOSALS}?level=advanced&sortBy=title&sortDirection=desc&size=1&facets=level&q=cour"
    answer = (await client.get(path, consistency_token=token)).json()
    assert [i["title"] for i in answer["items"]] == ["Course 02 <b>"]
    assert (answer["total"], answer["page"], answer["size"]) == (2, 0, 1)
    assert answer["facets"] == {
        "level": [{"value": "advanced", "count": 2}, {"value": "beginner", "count": 1}]
    }
    assert answer["highlights"] == [{"title": "<mark>Course</mark> 02 &lt;b&gt;"}]
    following = await client.get(f"{path}&cursor={answer['nextCursor']}", consistency_token=token)
    assert [i["title"] for i in following.json()["items"]] == ["Course 01 <b>"]
    assert following.json()["nextCursor"] is None


async def test_every_bad_parameter_is_named(client: Client) -> None:
    path = f"{PROPOSALS}?levl=x&level=expert&sortBy=author&sortDirection=up&size=900&facets=title"
    answer = await client.get(path)
    assert answer.status_code == 400
    errors = {e["field"]: e["message"] for e in answer.json()["errors"]}
    assert set(errors) == {"levl", "level", "sortBy", "sortDirection", "size", "facets"}
    assert errors["sortBy"] == "can't sort by 'author'; allowed: title, submittedAt"


@pytest.mark.parametrize("cursor", ["x", "AAAA", "%FF"])
async def test_bad_cursors_are_refused(client: Client, cursor: str) -> None:
    answer = await client.get(f"{PROPOSALS}?cursor={cursor}")
    assert answer.status_code == 400


async def test_a_cursor_of_other_filters_is_refused(client: Client) -> None:
    token = await filled(client)
    page = await client.get(f"{PROPOSALS}?sortBy=title&size=1", consistency_token=token)
    cursor = page.json()["nextCursor"]
    for path in ("?sortBy=submittedAt&size=1", "?sortBy=title&level=beginner"):
        answer = await client.get(f"{PROPOSALS}{path}&cursor={cursor}")
        assert answer.status_code == 400


async def test_bad_tokens_are_refused_in_a_header_and_dropped_as_a_cookie(client: Client) -> None:
    await filled(client, 1)
    assert (await client.get(PROPOSALS, consistency_token="nonsense")).status_code == 400
    answer = await client.get(PROPOSALS, cookie="twofold_token=nonsense")
    assert answer.status_code == 200
    assert "twofold_token=;" in answer.headers["set-cookie"]


async def test_tokens_of_other_times_and_databases_are_told_apart(client: Client) -> None:
    await filled(client, 1)
    tokens = client.http.system.tokens
    restored = Tokens("another-epoch", client.http.system.log.secret)
    stranger = Tokens(tokens.epoch, b"another database's own key")
    for token, kind in (
        (tokens.token(99), "future-token"),
        (restored.token(1), "foreign-token"),
        (stranger.token(1), "bad-token"),
        (tokens.token(1)[:-2], "bad-token"),
        (tokens.cursor({tokens.epoch: 1}), "bad-token"),
    ):
        answer = await client.get(PROPOSALS, consistency_token=token)
        assert (answer.status_code, answer.json()["type"]) == (400, f"/problems/{kind}")
        shown = await client.get(PROPOSALS, cookie=f"twofold_token={token}")
        assert shown.status_code == 200


async def test_a_cursor_of_another_list_or_database_is_refused(client: Client) -> None:
    await filled(client)
    cursor = (await client.get(f"{PROPOSALS}?size=1")).json()["nextCursor"]
    tokens = client.http.system.tokens
    stranger = Tokens(tokens.epoch, b"another database's own key")
    for bad in (stranger.cursor(["", "", False, None, "x"]), tokens.token(1), cursor[:-2]):
        answer = await client.get(f"{PROPOSALS}?size=1&cursor={bad}")
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-cursor")


@pytest.mark.parametrize("query", ["level=%FF", "q=%C3%28", "%80=1", "sortBy=%ED%A0%80"])
async def test_broken_utf_8_in_a_query_is_refused(client: Client, query: str) -> None:
    answer = await client.get(f"{PROPOSALS}?{query}")
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed")


async def test_paths_and_methods(client: Client) -> None:
    assert (await client.get("/nowhere")).status_code == 404
    wrong = await client.send("DELETE", PROPOSALS)
    assert wrong.status_code == 405
    assert wrong.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    options = await client.send("OPTIONS", PROPOSALS)
    assert (options.status_code, options.headers["allow"]) == (204, wrong.headers["allow"])
    head = await client.send("HEAD", PROPOSALS)
    assert (head.status_code, head.content) == (200, b"")
    unknown = await client.get(f"{PROPOSALS}/none")
    assert unknown.status_code == 404
    assert unknown.json()["type"] == "/problems/not-found"


async def test_own_objects_only(client: Client) -> None:
    token = await filled(client)
    for by, status in (("ann", 200), ("rita", 200), ("bob", 404), ("", 401)):
        answer = await client.get("/api/authors/ann", by=by, consistency_token=token)
        assert answer.status_code == status


async def test_health_metrics_and_demo(client: Client) -> None:
    assert (await client.get("/health/live")).status_code == 200
    await filled(client, 1)
    ready = await client.get("/health/ready")
    assert ready.status_code == 200
    assert set(ready.json()["projections"]) == {"portfolio_item", "author_page", "acceptances"}
    metrics = (await client.get("/metrics")).text
    assert (
        'twofold_requests_total{method="POST",route="/api/proposals",status="201"} 1.0' in metrics
    )
    assert "twofold_log_head_position 1.0" in metrics
    accounts = (await client.get("/demo/accounts")).json()["accounts"]
    assert [a["account"] for a in accounts] == ["ann", "bob", "rita", "otis"]
    assert (await client.post("/demo/sign-in", {"account": "eve"})).status_code == 422


async def test_methods_that_clients_make_up_are_counted_as_one(client: Client) -> None:
    for method in ("BREW", "WHEN", "jane.doe"):
        assert (await client.send(method, "/api/proposals", None, "")).status_code == 405
    metrics = (await client.get("/metrics")).text
    assert 'method="_OTHER",route="/api/proposals",status="405"} 3.0' in metrics
    assert "BREW" not in metrics


async def test_a_stopped_projection_is_not_ready(client: Client) -> None:
    table = client.http.system.tables["portfolio_item"]
    client.http.system.progress.stopped[table] = "a fold raised"
    ready = await client.get("/health/ready")
    assert ready.status_code == 503
    assert ready.json()["problems"] == {"portfolio_item": "a fold raised"}


async def test_openapi_describes_every_route(client: Client) -> None:
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    operations = {(method, path) for path, item in document["paths"].items() for method in item}
    routes = client.http.system.wired.routes
    declared = {(route.method.lower(), route.path) for route in routes if route.path}
    ours = {("get", "/commands/{commandId}"), ("get", "/parked"), ("get", "/parked/sequence")}
    ours |= {("post", f"/parked/{what}") for what in ("dry-run", "release", "discard")}
    ours |= {("get", "/audit"), ("get", "/explain/document"), ("get", "/explain/cause")}
    ours |= {("get", "/freshness")}
    assert operations == declared | ours
    assert isinstance(document["paths"][PROPOSALS]["post"]["requestBody"], dict)


async def test_an_unexpected_error_tells_nothing_of_the_inside(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> bytes:
        raise RuntimeError("secret")

    monkeypatch.setattr(client.http.system.read_store, "get", broken)
    answer: httpx.Response = await client.get(f"{PROPOSALS}/x")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["requestId"]

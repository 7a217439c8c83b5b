"""What only an application with richer messages shows."""

from __future__ import annotations

from tests.http.conftest import Client

TICKETS = "/api/tickets"
LAMP = {"title": "Lamp is dark", "parts": [{"name": "bulb", "count": 2, "price": "1.50"}]}


async def opened(client: Client, by: str = "carl") -> str:
    answer = await client.post(TICKETS, LAMP, by=by)
    assert answer.status_code == 201
    identity: str = answer.json()["ticketId"]
    return identity


def errors_of(answer: object) -> dict[str, str]:
    return {e["field"]: e["message"] for e in answer.json()["errors"]}  # type: ignore[attr-defined]


async def test_problems_inside_lists_have_their_path(help_desk: Client) -> None:
    parts = [{"name": "bulb", "count": 1}, {"name": "", "count": "two", "colour": 1}, 7]
    body = {"title": "Lamp", "parts": parts, "due": "soon", "seenAt": "2026-01-01T10:00:00"}
    answer = await help_desk.post(TICKETS, body, by="carl")
    assert answer.status_code == 422
    assert errors_of(answer) == {
        "due": "must be a date such as 2011-08-31",
        "parts[1].colour": "no such field; there are: name, count, price",
        "parts[1].count": "must be a whole number, not text",
        "parts[1].name": "needs at least 1 characters",
        "parts[2]": "must be an object, not a whole number",
        "seenAt": "needs a time zone, such as Z at the end",
    }


async def test_parameters_of_a_path_have_types(help_desk: Client) -> None:
    ticket = await opened(help_desk)
    rated = await help_desk.post(f"{TICKETS}/{ticket}/stars/4", by="carl")
    assert rated.status_code == 200
    page = await help_desk.get(f"{TICKETS}/{ticket}", by="carl")
    assert page.json()["stars"] == 4
    for stars, message in (("many", "must be a whole number"), ("6", "at most 5")):
        answer = await help_desk.post(f"{TICKETS}/{ticket}/stars/{stars}", by="carl")
        assert answer.status_code == 422
        assert message in errors_of(answer)["stars"]


async def test_a_path_parameter_is_not_given_twice(help_desk: Client) -> None:
    ticket = await opened(help_desk)
    body = {**LAMP, "ticketId": ticket}
    answer = await help_desk.send("PUT", f"{TICKETS}/{ticket}", body, "carl")
    assert (answer.status_code, errors_of(answer)) == (422, {"ticketId": "is given by the path"})


async def test_an_applications_refusal_has_its_own_status(help_desk: Client) -> None:
    ticket = await opened(help_desk)
    for status in (200, 410):
        answer = await help_desk.send("DELETE", f"{TICKETS}/{ticket}", None, "agnes")
        assert answer.status_code == status
    assert answer.json()["title"] == "The ticket is closed"
    assert answer.json()["allowed"] == "open a new one"


async def test_answers_of_ones_own_have_exact_decimals(help_desk: Client) -> None:
    await opened(help_desk)
    await opened(help_desk, "cora")
    answer = await help_desk.get(
        "/api/workload?by=owner&from=2020-01-01&priorities=low", by="agnes"
    )
    assert answer.headers["freshness"] == "current"
    assert {line["key"]: line["value"] for line in answer.json()["items"]} == {
        "carl": "3.00",
        "cora": "3.00",
    }


async def test_every_bad_parameter_of_a_query_of_ones_own_is_named(help_desk: Client) -> None:
    query = "by=room&from=spring&priorities=low&priorities=odd&least=NaN&limit=0&limit=1&size=3"
    answer = await help_desk.get(f"/api/workload?{query}", by="agnes")
    assert answer.status_code == 400
    assert errors_of(answer) == {
        "by": "one of priority, owner",
        "from": "must be a date such as 2011-08-31",
        "least": "must be a finite number",
        "limit": "must be at least 1",
        "priorities[1]": "one of low, high",
        "size": "no such field; there are: by, from, priorities, least, limit",
    }
    twice = await help_desk.get("/api/workload?limit=1&limit=2", by="agnes")
    assert errors_of(twice) == {"limit": "is given more than once"}


async def test_queries_of_ones_own_have_typed_paths_and_problems(help_desk: Client) -> None:
    assert (await help_desk.get("/api/workload/2026")).json() == {"items": []}
    wrong = await help_desk.get("/api/workload/1999")
    assert (wrong.status_code, errors_of(wrong)) == (400, {"year": "must be at least 2000"})
    twice = await help_desk.get("/api/workload/2026?year=2027")
    assert errors_of(twice) == {"year": "is given by the path"}
    assert (await help_desk.get("/api/workload/2099")).status_code == 404


async def test_a_document_can_be_kept_and_asked_for_again(help_desk: Client) -> None:
    ticket = await opened(help_desk)
    path = f"{TICKETS}/{ticket}"
    first = await help_desk.get(path, by="carl")
    assert first.headers["cache-control"] == "private, no-cache"
    tag = first.headers["etag"]
    again = await help_desk.get(path, by="carl", if_none_match=f'"other", W/{tag}')
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["consistency-token"] == first.headers["consistency-token"]
    assert (await help_desk.get(path, by="cora", if_none_match=tag)).status_code == 404
    await help_desk.post(f"{path}/stars/5", by="carl")
    changed = await help_desk.get(path, by="carl", if_none_match=tag)
    assert (changed.status_code, changed.json()["stars"]) == (200, 5)


async def test_lists_show_an_owner_only_their_own(help_desk: Client) -> None:
    await opened(help_desk)
    await opened(help_desk, "cora")
    for by, total in (("carl", 1), ("cora", 1), ("agnes", 2)):
        answer = await help_desk.get(f"{TICKETS}?facets=priority", by=by)
        assert answer.json()["total"] == total
        assert answer.json()["facets"]["priority"] == [{"value": "low", "count": total}]
    assert (await help_desk.get(TICKETS)).status_code == 401

"""What schemathesis can't know of the training company: who may do what, and what exists."""

from __future__ import annotations

from functools import cache
from typing import Any
from uuid import uuid4

import schemathesis

from tests.describing import asked, bearer, is_free, one_of, typed

_OPEN_PROPOSALS = "status=draft&status=submitted&status=in-review&status=release-failed"
_LISTS = {
    "proposalId": (f"/api/proposals?{_OPEN_PROPOSALS}&size=50", "proposalId"),
    "programId": ("/api/training-programs?active=true&size=50", "programId"),
    "offerId": ("/api/offers?status=draft&status=published&size=50", "offerId"),
    "bookingId": ("/api/bookings?status=held&status=waiting&status=confirmed", "bookingId"),
    "reviewerId": ("/api/reviewers", "reviewerId"),
    "process": ("/processes", "name"),
}
_AMOUNTS = {"price", "seenPrice", "acceptedPrice"}
_REVIEWED = ("/api/reviews?status=assigned&size=50", "proposalId")


@schemathesis.auth()
class Administrator:
    """May do everything that people may."""

    def get(self, case: Any, context: Any) -> str:
        """A demo bearer token."""
        return bearer("admin")

    def set(self, case: Any, data: str, context: Any) -> None:
        """Carry it."""
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Most good requests are about something that exists."""
    if not is_free(case):
        return
    if "Idempotency-Key" in case.headers:
        case.headers = {**case.headers, "Idempotency-Key": str(uuid4())}
    reviewing = case.operation.path.startswith("/api/reviews")
    # Cases of one operation share these: each gets its own.
    given = case.path_parameters = dict(case.path_parameters)
    for name in sorted(given, reverse=True):
        # An instance is one of the process named before it.
        known = _instances(given["process"]) if name == "key" else _known(name, reviewing)
        given[name] = one_of(known, given[name])
    if not isinstance(case.body, dict):
        return
    body = case.body = dict(case.body)
    for name in _AMOUNTS & set(body):
        body[name] = f"{len(str(body[name]))}.50"
    if "programId" in body:
        body["programId"] = one_of(_known("programId"), body["programId"])


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Texts that people can type."""
    if not isinstance(body, dict):
        return body
    texts = {name: typed(value) for name, value in body.items() if isinstance(value, str)}
    return {typed(str(name)): value for name, value in {**body, **texts}.items()}


@schemathesis.hook
def map_headers(context: Any, headers: dict[str, Any]) -> dict[str, Any]:
    """Any text is a token by its type; one that somebody was given can be right."""
    if headers and isinstance(headers.get("Consistency-Token"), str):
        headers["Consistency-Token"] = _sent().headers["consistency-token"]
    return headers


@cache
def _sent() -> Any:
    return asked("/api/discounts", "admin", {"code": "DESCRIBED"})


@cache
def _known(name: str, reviewing: bool = False) -> list[str]:
    if name == "commandId":
        return [_sent().headers["command-id"]]
    path, key = _REVIEWED if reviewing else _LISTS[name]
    return [item[key] for item in asked(path, "admin").json()["items"]]


@cache
def _instances(process: str) -> list[str]:
    known = process in _known("process")
    items = asked(f"/processes/{process}?size=20", "admin").json()["items"] if known else []
    return [item["key"] for item in items]

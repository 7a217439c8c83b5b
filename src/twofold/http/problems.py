"""Errors as RFC 9457 problems: the one place where errors meet HTTP statuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from twofold import errors
from twofold.http import rejections

# The first class that fits decides. For commands, InvalidInput is 422: the request was understood.
STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (errors.BadToken, 400),
    (errors.BadCursor, 400),
    (errors.InvalidInput, 400),
    (errors.KeyReused, 422),
    (errors.Refused, 409),
    (errors.SignInRequired, 401),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.AlreadyExists, 409),
    (errors.ConcurrencyConflict, 409),
    (errors.NotCaughtUp, 503),
    (errors.StoreFull, 507),
    (errors.StoreUnavailable, 503),
    (errors.ShuttingDown, 503),
    (rejections.Malformed, 400),
    (rejections.BodyTooLarge, 413),
    (rejections.WrongMediaType, 415),
    (rejections.NoSuchPath, 404),
    (rejections.MethodNotAllowed, 405),
    (rejections.ForeignOrigin, 403),
)

_TITLES = {
    400: "The request can't be read",
    401: "Sign in first",
    402: "The payment was refused",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Not possible now",
    413: "Too large",
    415: "Unsupported media type",
    422: "The input is not valid",
    500: "Something went wrong here",
    503: "Not available right now",
    507: "No room left",
}


class ProblemDocument(msgspec.Struct, omit_defaults=True, rename="camel"):
    """application/problem+json; ``extra`` members of refusals stand beside the standard ones."""

    type: str
    title: str
    status: int
    detail: str = ""
    errors: list[dict[str, str]] = []
    request_id: str = ""


def status_of(error: Exception, own: Mapping[type[errors.Refused], int], command: bool) -> int:
    """The status of ``error``; ``own`` are the application's refusals."""
    for kind, status in own.items():
        if isinstance(error, kind):
            return status
    if (
        command
        and isinstance(error, errors.InvalidInput)
        and not isinstance(error, errors.BadToken)
    ):
        return 422
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def problem_bytes(error: Exception, status: int, request_id: str) -> bytes:
    """The document; errors that are not ours say nothing about the inside."""
    ours = isinstance(error, errors.TwofoldError) and status != 500
    document = ProblemDocument(
        f"/problems/{problem_name(error) if ours else 'internal'}",
        _TITLES.get(status, "Not possible"),
        status,
        _detail(error) if ours else "The error was logged under the request's id.",
        [{"field": p.field, "message": p.message} for p in getattr(error, "problems", ())],
        request_id,
    )
    raw: dict[str, Any] = msgspec.to_builtins(document)
    if isinstance(error, errors.Refused):
        raw |= {k: v for k, v in error.details.items() if k not in raw}
        if error.allowed:
            raw["allowed"] = error.allowed
    if isinstance(error, errors.NotCaughtUp):
        raw |= {"state": error.state, "wanted": error.wanted, "applied": error.applied}
    return msgspec.json.encode(raw, order=None)


def problem_name(error: Exception) -> str:
    """The error's class in kebab-case."""
    name = type(error).__name__
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).strip("-")


def _detail(error: Exception) -> str:
    if isinstance(error, errors.InvalidInput) and error.problems:
        count = len(error.problems)
        return str(error) if count == 1 else f"{count} problems: {error}"
    return str(error)

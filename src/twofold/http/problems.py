"""Errors as RFC 9457 problems: the one place where errors meet HTTP statuses."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from twofold import errors
from twofold.http import rejections
from twofold.http.exchange import Exchange

PROBLEM = b"application/problem+json"
_INTERNAL = "internal"
_STANDARD = ("type", "title", "status", "detail", "instance", "errors", "requestId", "allowed")


class Kind(NamedTuple):
    """What an error is to a client: status, title, and what to do about it."""

    error: type[Exception]
    status: int
    title: str
    advice: str


# The first that fits decides.
KINDS = (
    Kind(
        errors.FutureToken,
        400,
        "The consistency token is from the future",
        "The database was restored from an older copy. Send the query without the token.",
    ),
    Kind(
        errors.BadToken,
        400,
        "The consistency token is not valid",
        "It is damaged, forged or of another database. Send the query without it.",
    ),
    Kind(
        errors.BadCursor,
        400,
        "The cursor is not valid",
        "Cursors continue one list with its own filters and sort. Begin again without a cursor.",
    ),
    Kind(
        errors.InvalidInput,
        400,
        "The input is not valid",
        "`errors` names every field that is wrong and what it must be. A command's body is "
        "answered with 422, the parameters of a query with 400.",
    ),
    Kind(
        errors.KeyReused,
        422,
        "The idempotency key was used before",
        "The key came with another payload the first time. Use a new key for a new command.",
    ),
    Kind(
        errors.MessageTooLarge,
        413,
        "Too large to be published",
        "What would be recorded has more bytes than the broker takes. Send less at once.",
    ),
    Kind(
        errors.Refused,
        409,
        "Not possible now",
        "A business rule says no; `detail` says which, `allowed` what would be possible instead.",
    ),
    Kind(
        errors.SignInRequired,
        401,
        "Sign in first",
        "Send `Authorization: Bearer` with a valid token, or sign in on a page.",
    ),
    Kind(
        errors.Forbidden,
        403,
        "Not allowed",
        "You are signed in, but this is for others; `detail` says for whom.",
    ),
    Kind(
        errors.NotFound,
        404,
        "Not found",
        "There is no such thing, or it is not yours. What a command has just made may not have "
        "arrived in its read model yet: send the command's consistency token with the query.",
    ),
    Kind(
        errors.AlreadyExists,
        409,
        "It exists already",
        "The command would create something that is there. Change it, or use another id.",
    ),
    Kind(
        errors.ParkedChanged,
        409,
        "Somebody else was faster",
        "The parked sequence was released, discarded or tried again meanwhile. Look at it again.",
    ),
    Kind(
        errors.ReleaseRunning,
        409,
        "Somebody else is at it",
        "Everything that waits there is being released. Wait for it, or stop it: in the console, "
        "or by `twofold parked APP stop`.",
    ),
    Kind(
        errors.RebuildRunning,
        409,
        "Somebody else is at it",
        "The read model is being built anew, or its versions are being switched. Wait for it, or "
        "cancel it.",
    ),
    Kind(
        errors.VersionsChanged,
        409,
        "Not as it was seen",
        "The versions of the read model have changed since they were looked at, or can't be used "
        "in this way. `detail` says how. Look at them again.",
    ),
    Kind(
        errors.Outdated,
        409,
        "Made by other code",
        "The read model was made by other code than this process runs. `twofold rebuild` makes it "
        "anew, and what is parked with it.",
    ),
    Kind(
        errors.ConcurrencyConflict,
        409,
        "Somebody else was faster",
        "Others kept changing the same thing. Nothing was recorded; send the command again.",
    ),
    Kind(
        errors.CommandFailed,
        500,
        "It could not be carried out",
        "The command was accepted, could not be decided, and was left out by an operator; it had "
        "no effect. The error was logged under the command's id; tell it to whoever runs this, and "
        "send the command again under a new key once the cause is mended.",
    ),
    Kind(
        errors.CommandParked,
        503,
        "It waits for an operator",
        "The command was accepted and met an unexpected error each time it was tried, or waits in "
        "its turn behind one that did. It is kept and will be decided: do not send it again.",
    ),
    Kind(
        errors.NotCaughtUp,
        503,
        "The answer is not ready yet",
        "The command is committed; its read model has not arrived there. Ask again after "
        "`Retry-After` seconds, wait longer with `Prefer: wait=SECONDS`, or leave the token out "
        "for the answer as it stands. Never send the command again because of this.",
    ),
    Kind(
        errors.StoreFull,
        507,
        "No room left",
        "The database has no room left; nothing was half-applied. Tell whoever runs this.",
    ),
    Kind(
        errors.ReadModelStopped,
        503,
        "Not available right now",
        "The read model that shows what this command does can't show more of the kind until an "
        "operator has looked at it. Nothing was recorded; send the command again later.",
    ),
    Kind(
        errors.StoreUnavailable,
        503,
        "Not available right now",
        "A database does not answer. Send the request again after `Retry-After` seconds; a "
        "command under its `Idempotency-Key`, since it may have been recorded.",
    ),
    Kind(
        errors.ShuttingDown,
        503,
        "Not available right now",
        "This process is stopping. Send the request again; another one will take it.",
    ),
    Kind(rejections.Malformed, 400, "The request can't be read", "`detail` says what is wrong."),
    Kind(
        rejections.BodyTooLarge, 413, "Too large", "`detail` names the limit; send several smaller."
    ),
    Kind(
        rejections.WrongMediaType,
        415,
        "Unsupported media type",
        "Send JSON with `Content-Type: application/json`.",
    ),
    Kind(rejections.NoSuchPath, 404, "Not found", "/openapi.json lists everything there is."),
    Kind(
        rejections.MethodNotAllowed,
        405,
        "Method not allowed",
        "The header `Allow` lists the methods that are possible.",
    ),
    Kind(
        rejections.ForeignOrigin,
        403,
        "Not from here",
        "A page of another site tried to act with this browser's session. Programs send a bearer "
        "token instead of the session cookie.",
    ),
    Kind(
        rejections.TooManyConnections,
        503,
        "Too many live connections",
        "This process has as many event streams open as it serves. Connect again later.",
    ),
)
_UNEXPECTED = Kind(
    Exception,
    500,
    "Something went wrong here",
    "The error was logged under `requestId`; tell it to whoever runs this.",
)

Own = Mapping[type[errors.Refused], int]


def kind_of(error: Exception) -> Kind:
    """What ``error`` is."""
    return next((kind for kind in KINDS if isinstance(error, kind.error)), _UNEXPECTED)


def status_of(error: Exception, own: Own, command: bool) -> int:
    """The status of ``error``; ``own`` are the application's refusals."""
    for refusal, status in own.items():
        if isinstance(error, refusal):
            return status
    if command and isinstance(error, errors.InvalidInput) and not isinstance(error, _NO_BODY):
        return 422
    return kind_of(error).status


_NO_BODY = (errors.BadToken, errors.BadCursor)


def problem_bytes(error: Exception, status: int, request_id: str) -> bytes:
    """The document; errors that are not ours say nothing about the inside."""
    kind = kind_of(error)
    known = kind is not _UNEXPECTED
    raw: dict[str, Any] = {
        "type": f"/problems/{problem_name(type(error)) if known else _INTERNAL}",
        "title": _title(type(error), kind),
        "status": status,
        "detail": _detail(error) if known else _UNEXPECTED.advice,
    }
    problems = getattr(error, "problems", ()) if known else ()
    if problems:
        raw["errors"] = [{"field": p.field, "message": p.message} for p in problems]
    if request_id:
        raw["requestId"] = request_id
    return msgspec.json.encode({**_members(error), **raw})


def _members(error: Exception) -> dict[str, Any]:
    """What stands beside the standard members; what is named like one of them, under details."""
    if isinstance(error, errors.Refused):
        hidden = {name: value for name, value in error.details.items() if name in _STANDARD}
        beside = {name: value for name, value in error.details.items() if name not in _STANDARD}
        allowed = {"allowed": error.allowed} if error.allowed else {}
        return {**beside, **({"details": hidden} if hidden else {}), **allowed}
    if isinstance(error, errors.CommandFailed | errors.CommandParked):
        return {"error": error.why} if error.why else {}
    if isinstance(error, errors.NotCaughtUp):
        return {"state": error.state, "wanted": error.wanted, "applied": error.applied}
    return {}


def problem_name(error: type[Exception]) -> str:
    """The error's class in kebab-case."""
    name = error.__name__
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).strip("-")


def _title(error: type[Exception], kind: Kind) -> str:
    """Refusals of an application have its own words as their title."""
    own = vars(error).get("__doc__") if issubclass(error, errors.Refused) else None
    if own is None or error is errors.Refused:
        return kind.title
    return inspect.cleandoc(own).partition("\n")[0].rstrip(".")


def _detail(error: Exception) -> str:
    if isinstance(error, errors.Refused):
        return error.why
    if isinstance(error, errors.InvalidInput) and len(error.problems) > 1:
        return f"{len(error.problems)} problems: {error}"
    return str(error)


class ProblemPages:
    """GET /problems/{name}: what a problem's ``type`` means and what to do about it."""

    def __init__(self, own: Own, refusals: Mapping[str, type[errors.Refused]]) -> None:
        self._own = own
        self._known: dict[str, type[Exception]] = {
            **{problem_name(kind.error): kind.error for kind in KINDS},
            **refusals,
        }

    async def __call__(self, exchange: Exchange) -> None:
        """Answer the explanation. Raises NotFound."""
        name = exchange.parameters["name"]
        error = self._known.get(name)
        if error is None and name != _INTERNAL:
            raise errors.NotFound("problem", name)
        await exchange.answer(200, msgspec.json.encode(self._explained(name, error)))

    def _explained(self, name: str, error: type[Exception] | None) -> dict[str, Any]:
        kind = next(
            (k for k in KINDS if error is not None and issubclass(error, k.error)), _UNEXPECTED
        )
        own = [s for refusal, s in self._own.items() if error and issubclass(error, refusal)]
        return {
            "type": f"/problems/{name}",
            "title": _title(error, kind) if error is not None else kind.title,
            "status": own[0] if own else kind.status,
            "whatToDo": kind.advice,
        }


def refusals_by_name(
    root: type[errors.Refused] = errors.Refused,
) -> dict[str, type[errors.Refused]]:
    """All refusals declared so far, by the name in their problem's type."""
    found = {problem_name(root): root}
    for child in root.__subclasses__():
        found |= refusals_by_name(child)
    return found

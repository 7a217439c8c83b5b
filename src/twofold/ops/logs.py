"""Structured logs: readable on a terminal, JSON elsewhere; without secrets, without data."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Iterator
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, ExcInfo, Processor

from twofold.messages.trace_context import trace_id
from twofold.runtime.observing.bound import BOUND, NOTHING
from twofold.runtime.telling import summary

_SECRETS = (
    # scheme://user:password@host, with a password that may hold anything but the end of it.
    (re.compile(r"(\w[\w+.-]*://[^\s:/@]*):[^\s/]*@"), r"\1:***@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), r"\1 ***"),
    (
        re.compile(
            r"(?i)(password|passwd|secret|token|api[_-]?key)(['\"]?\s*[=:]\s*['\"]?)[^\s'\",&)]+"
        ),
        r"\1\2***",
    ),
    # A JSON Web Token, wherever it stands.
    (re.compile(r"\beyJ[\w-]{6,}\.[\w-]+\.[\w-]*"), "***"),
)


class _StandardError:
    """Standard error as it is at the time: it may be replaced while loggers are kept."""

    def write(self, text: str) -> None:
        """Write."""
        sys.stderr.write(text)

    def flush(self) -> None:
        """Flush."""
        sys.stderr.flush()


def configure_logs(*, quiet: bool = False) -> None:
    """Logs go to standard error, with time and level: what a command prints stays readable.
    ``quiet``: warnings and errors alone.

    Lines of other libraries take the same way. Messages of errors that are not ours are shown on a
    terminal alone: nobody knows who reads the others.
    """
    terminal = sys.stderr.isatty()
    shared: list[Processor] = [
        *([only_warnings] if quiet else []),
        structlog.contextvars.merge_contextvars,
        told_what_it_belongs_to,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info if terminal else without_messages,
        without_secrets,
    ]
    rendered: Processor = (
        structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    )
    # One list for ever: loggers that are kept hold on to the one they met first.
    processors = structlog.get_config()["processors"]
    processors[:] = [*shared, rendered]
    structlog.configure(
        processors=processors,
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _StandardError())),
        cache_logger_on_first_use=True,
    )
    _take_over_other_libraries(shared, rendered)


def _take_over_other_libraries(shared: list[Processor], rendered: Processor) -> None:
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *shared,
            rendered,
        ],
    )
    handler = logging.StreamHandler(cast(TextIO, _StandardError()))
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def only_warnings(logger: Any, method: str, line: EventDict) -> EventDict:
    """Leaves out what merely goes on."""
    if method in ("debug", "info"):
        raise structlog.DropEvent
    return line


def told_what_it_belongs_to(logger: Any, method: str, line: EventDict) -> EventDict:
    """Request, correlation, command and trace of the work at hand, as far as they are known."""
    bound = BOUND.get()
    if bound is NOTHING:
        return line
    known = {
        "request_id": bound.request_id,
        "correlation_id": bound.correlation_id,
        "command_id": bound.command_id,
        "trace_id": trace_id(bound.traceparent),
    }
    return {**{name: value for name, value in known.items() if value}, **line}


def without_messages(logger: Any, method: str, line: EventDict) -> EventDict:
    """Where it happened, and what kind of error it was: its text may hold anybody's data."""
    given: ExcInfo | bool | BaseException | None = line.pop("exc_info", None)
    error = _error(given)
    if error is not None:
        line["exception"] = "".join(_lines(error)).rstrip()
    return line


def without_secrets(logger: Any, method: str, line: EventDict) -> EventDict:
    """Passwords in addresses, bearer tokens and the like, wherever they got in."""
    return {
        name: masked(value) if isinstance(value, str) else value for name, value in line.items()
    }


def masked(text: str) -> str:
    """``text`` without what looks like a secret."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def _error(given: Any) -> BaseException | None:
    if isinstance(given, BaseException):
        return given
    found = given if isinstance(given, tuple) else sys.exc_info() if given else (None, None, None)
    error = found[1]
    return error if isinstance(error, BaseException) else None


def _lines(error: BaseException, depth: int = 0) -> Iterator[str]:
    """A traceback as Python prints it, but for the messages."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and depth < 10:
        yield from _lines(before, depth + 1)
        yield "\nthis led to:\n\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{summary(error)}\n"
    if isinstance(error, BaseExceptionGroup) and depth < 10:
        for one in error.exceptions:
            yield "\namong them:\n\n"
            yield from _lines(one, depth + 1)

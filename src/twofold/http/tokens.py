"""Consistency tokens between client and queries: header first, then the browser's cookie."""

from __future__ import annotations

import re
from functools import lru_cache

from twofold.errors import BadToken
from twofold.http.exchange import Exchange
from twofold.messages.recorded import moment
from twofold.runtime.queries import Asked
from twofold.runtime.system import System
from twofold.runtime.tokens import Tokens

COOKIE = "twofold_token"
_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,4}(?:\.\d{1,3})?)(?:$|[,;\s])")
_LATER = re.compile(r"(?:^|[,;\s])respond-async(?:$|[,;\s])", re.IGNORECASE)


async def asked(exchange: Exchange, system: System) -> Asked:
    """What the request asks of freshness. Raises BadToken for a bad header.

    A bad cookie is removed instead: a browser must not be locked out because the database behind
    this address is another one now.
    """
    seconds = preferred_wait(exchange)
    token = exchange.header(b"consistency-token")
    if token:
        await _check(token, system)
    else:
        token = exchange.cookie(COOKIE)
        try:
            if token:
                await _check(token, system)
        except BadToken:
            exchange.set_cookie(COOKIE, "", seconds=0)
            token = ""
    return Asked(caller=exchange.caller, token=token, wait_seconds=seconds)


def preferred_wait(exchange: Exchange) -> float | None:
    """How many seconds the client would rather wait (RFC 7240 §4.3)."""
    wait = _WAIT.search(exchange.header(b"prefer"))
    return float(wait.group(1)) if wait else None


def prefers_later(exchange: Exchange) -> bool:
    """Whether the client would rather ask for the outcome later (RFC 7240 §4.1)."""
    return _LATER.search(exchange.header(b"prefer")) is not None


async def _check(token: str, system: System) -> None:
    """A position beyond what this process has heard of may still exist: ask the log then."""
    try:
        system.tokens.position(token, system.progress.head)
    except BadToken:
        system.progress.saw_head(await system.log.head())
        system.tokens.position(token, system.progress.head)


def give_token(exchange: Exchange, system: System, position: int) -> None:
    """The token for what a command did, as header and cookie.

    The browser's cookie keeps the furthest position: an answer from before must not set it back.
    """
    token = system.tokens.token(position)
    exchange.add(b"consistency-token", token)
    exchange.set_cookie(COOKIE, token)


def describe(
    exchange: Exchange, system: System, position: int, time_us: int, *, stale: bool
) -> None:
    """The headers every answer to a query has."""
    exchange.added += _described(system.tokens, position, time_us, stale)


@lru_cache(256)
def _described(
    tokens: Tokens, position: int, time_us: int, stale: bool
) -> tuple[tuple[bytes, bytes], ...]:
    """Kept: signing costs as much as reading a document, and many answers are equally current."""
    as_of = moment(time_us).isoformat().replace("+00:00", "Z") if time_us else ""
    headers = (
        (b"consistency-token", tokens.token(position).encode()),
        (b"freshness", b"stale" if stale else b"current"),
    )
    return (*headers, (b"as-of", as_of.encode())) if as_of else headers

"""Who is calling: bearer tokens for programs, a session cookie for pages."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import jwt

from twofold.domain.caller import NOBODY, SYSTEM, Caller
from twofold.errors import SignInRequired
from twofold.http.bearer import BearerTokens, Fetch, SecuritySettings
from twofold.http.exchange import Exchange
from twofold.http.rejections import ForeignOrigin
from twofold.ports.time_and_chance import Clock
from twofold.wiring.application import Account

__all__ = ["SESSION", "Security", "SecuritySettings", "check_origin"]

SESSION = "twofold_session"
_ISSUER = "twofold"
_SESSION_SECONDS = 12 * 3600
_KEPT_TOKENS = 10_000
_CLOCK_SKEW_SECONDS = 30


class Security:
    """Identifies callers. ``own_key`` signs sessions, which only demo mode starts and accepts."""

    def __init__(
        self,
        settings: SecuritySettings,
        accounts: tuple[Account, ...],
        own_key: bytes,
        clock: Clock,
        fetch: Fetch | None = None,
    ) -> None:
        self.demo = settings.demo
        self.accounts = {account.account: account for account in accounts}
        self._clock = clock
        self._own_key = hmac.digest(own_key, b"session", "sha256")
        self._bearer = BearerTokens(settings, clock.monotonic, fetch)
        self._known: OrderedDict[str, tuple[Caller, float]] = OrderedDict()

    def identify(self, exchange: Exchange) -> Caller:
        """The caller. Raises SignInRequired for a token that is no good, ForeignOrigin."""
        header = exchange.header(b"authorization")
        if header:
            scheme, _, token = header.partition(" ")
            if scheme.lower() != "bearer":
                raise SignInRequired("Authorization other than Bearer; this")
            return self._caller(token.strip(), bearer=True)
        session = exchange.cookie(SESSION)
        if not session:
            return NOBODY
        if exchange.method not in ("GET", "HEAD", "OPTIONS"):
            check_origin(exchange)
        try:
            return self._caller(session, bearer=False)
        except SignInRequired:
            exchange.set_cookie(SESSION, "", seconds=0)
            return NOBODY

    async def identify_by_new_key(self, exchange: Exchange) -> Caller:
        """As ``identify`` does, once the issuer was asked for keys it may have made since."""
        await self.learn()
        return self.identify(exchange)

    async def learn(self) -> None:
        """Ask the issuer for keys it may have made since."""
        await self._bearer.learn()

    def of_bearer(self, token: str) -> Caller:
        """The caller whom a bearer token names. Raises SignInRequired."""
        return self._caller(token, bearer=True)

    def sign_in(self, account: Account) -> str:
        """A token for a demo account."""
        now = int(self._clock.now().timestamp())
        claims = {
            "sub": account.account,
            "name": account.name,
            "roles": list(account.roles),
            "iat": now,
            "exp": now + _SESSION_SECONDS,
            "iss": _ISSUER,
        }
        return jwt.encode(claims, self._own_key, algorithm="HS256")

    def start_session(self, exchange: Exchange, account: Account) -> str:
        """Sign the browser in; answers the token."""
        token = self.sign_in(account)
        exchange.set_cookie(SESSION, token, seconds=_SESSION_SECONDS)
        return token

    def _caller(self, token: str, *, bearer: bool) -> Caller:
        # Verified tokens are remembered until they expire: checking a signature costs as much as
        # answering a query.
        now = self._clock.now().timestamp()
        known = self._known.get(token)
        if known is not None and known[1] > now:
            self._known.move_to_end(token)
            return known[0]
        claims = self._own_claims(token)
        if claims is None and not bearer:
            raise SignInRequired("the session is over; this")
        claims = claims or self._bearer.claims(token)
        caller, expires = _caller_of(claims), _expiry(claims, now)
        self._known[token] = (caller, expires)
        if len(self._known) > _KEPT_TOKENS:
            self._known.popitem(last=False)
        return caller

    def _own_claims(self, token: str) -> dict[str, Any] | None:
        if not self.demo:
            return None
        options: Any = {"require": ["exp", "sub"], "verify_exp": False, "verify_iat": False}
        try:
            return jwt.decode(
                token, self._own_key, algorithms=["HS256"], issuer=_ISSUER, options=options
            )
        except jwt.PyJWTError:
            return None


def _expiry(claims: Mapping[str, Any], now: float) -> float:
    """When the token expires. Raises SignInRequired if that was before, or its time is to come."""
    try:
        expires, begins = float(claims["exp"]), float(claims.get("nbf", now))
    except (TypeError, ValueError) as exc:
        raise SignInRequired("the token's times are no numbers; this") from exc
    if expires <= now:
        raise SignInRequired("the token has expired; this")
    if begins > now + _CLOCK_SKEW_SECONDS:
        raise SignInRequired("the token is not valid yet; this")
    return expires


def _caller_of(claims: Mapping[str, Any]) -> Caller:
    subject = str(claims["sub"])
    if subject in ("", SYSTEM.subject):
        # No token makes anybody the system itself.
        raise SignInRequired(f"the subject {subject!r} can't sign in; this")
    roles = claims.get("roles")
    named = [one for one in roles if isinstance(one, str)] if isinstance(roles, list) else []
    return Caller(subject, str(claims.get("name", "")), frozenset(named))


def check_origin(exchange: Exchange) -> None:
    """A cookie proves who, not what for: changes must come from this site's own pages.

    Browsers say where a request comes from (Sec-Fetch-Site, Origin) and pages can't forge that,
    so no token has to be carried through every form and script; programs that say neither carry
    no browser's cookie by accident.
    """
    site = exchange.header(b"sec-fetch-site")
    if site:
        if site in ("same-origin", "none"):
            return
    else:
        origin = exchange.header(b"origin")
        if not origin or urlsplit(origin).netloc == exchange.header(b"host"):
            return
    raise ForeignOrigin("the request came from a page of another site")

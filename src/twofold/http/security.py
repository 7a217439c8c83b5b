"""Who is calling: bearer tokens for programs, a session cookie for pages."""

from __future__ import annotations

import hmac
import json
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import msgspec
import structlog

from twofold.domain.caller import NOBODY, Caller
from twofold.errors import Problem, SettingsProblems, SignInRequired
from twofold.http.exchange import Exchange
from twofold.http.rejections import ForeignOrigin
from twofold.wiring.application import Account

SESSION = "twofold_session"
_SESSION_SECONDS = 12 * 3600
_KEPT_TOKENS = 10_000
_LOG = structlog.get_logger("twofold.security")


class SecuritySettings(msgspec.Struct, frozen=True, kw_only=True):
    """How callers prove who they are.

    ``secret``: shared secret for HS256 bearer tokens (at least 32 bytes). ``keys``: a JWKS file for
    RS256, ES256 or EdDSA. With neither, nobody can send bearer tokens, except the demo's own.
    ``issuer`` and ``audience`` are demanded where set. ``demo`` allows choosing a demo account.
    """

    secret: str = ""
    keys: str = ""
    issuer: str = ""
    audience: str = ""
    demo: bool = False


class Security:
    """Identifies callers. ``own_key`` signs sessions and demo tokens."""

    def __init__(
        self, settings: SecuritySettings, accounts: tuple[Account, ...], own_key: bytes
    ) -> None:
        self.demo = settings.demo
        self.accounts = {account.account: account for account in accounts}
        self._settings = settings
        self._own_key = hmac.digest(own_key, b"session", "sha256")
        self._keys = _public_keys(settings)
        self._known: OrderedDict[str, tuple[Caller, float]] = OrderedDict()

    def identify(self, exchange: Exchange) -> Caller:
        """The caller. Raises SignInRequired for a token that is no good, ForeignOrigin."""
        header = exchange.header(b"authorization")
        if header:
            scheme, _, token = header.partition(" ")
            if scheme.lower() != "bearer":
                raise SignInRequired("Authorization other than Bearer")
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

    def sign_in(self, account: Account) -> str:
        """A token for a demo account."""
        now = int(time.time())
        claims = {
            "sub": account.account,
            "name": account.name,
            "roles": list(account.roles),
            "iat": now,
            "exp": now + _SESSION_SECONDS,
            "iss": "twofold",
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
        known = self._known.get(token)
        if known is not None and known[1] > time.time():
            return known[0]
        claims = self._claims(token, bearer)
        caller = Caller(
            str(claims["sub"]),
            str(claims.get("name", "")),
            frozenset(str(one) for one in claims.get("roles", ()) if isinstance(one, str)),
        )
        self._known[token] = (caller, float(claims["exp"]))
        if len(self._known) > _KEPT_TOKENS:
            self._known.popitem(last=False)
        return caller

    def _claims(self, token: str, bearer: bool) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                self._own_key,
                algorithms=["HS256"],
                issuer="twofold",
                options={"require": ["exp", "sub"]},
            )
        except jwt.PyJWTError as exc:
            if bearer and (self._settings.secret or self._keys):
                return self._foreign_claims(token)
            raise SignInRequired("the token given is not valid; this") from exc

    def _foreign_claims(self, token: str) -> dict[str, Any]:
        settings = self._settings
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg", "")
            if algorithm == "HS256" and settings.secret:
                key: Any = settings.secret
            else:
                key = self._keys[header.get("kid", "")]
                if key.algorithm_name != algorithm:
                    raise jwt.InvalidAlgorithmError(algorithm)
            return jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                issuer=settings.issuer or None,
                audience=settings.audience or None,
                options={"require": ["exp", "sub"], "verify_aud": bool(settings.audience)},
            )
        except (jwt.PyJWTError, KeyError) as exc:
            _LOG.info("bearer token refused", why=type(exc).__name__)
            raise SignInRequired("the token given is not valid; this") from exc


def check_origin(exchange: Exchange) -> None:
    """A cookie proves who, not what for: changes must come from this site's own pages.

    Browsers say where a request comes from (Sec-Fetch-Site, Origin) and pages can't forge that;
    programs that say neither carry no browser's cookie by accident.
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


def _public_keys(settings: SecuritySettings) -> dict[str, Any]:
    problems = []
    if settings.secret and len(settings.secret.encode()) < 32:
        problems.append(Problem("TWOFOLD_JWT_SECRET", "needs at least 32 bytes"))
    keys: dict[str, Any] = {}
    if settings.keys:
        try:
            found = jwt.PyJWKSet.from_dict(json.loads(Path(settings.keys).read_text("utf-8")))
            keys = {key.key_id or "": key for key in found.keys}
        except (OSError, ValueError, jwt.PyJWTError) as exc:
            problems.append(Problem("TWOFOLD_JWT_KEYS", f"{settings.keys}: {exc}"))
    if problems:
        raise SettingsProblems(problems)
    return keys

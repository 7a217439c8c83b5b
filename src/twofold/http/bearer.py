"""Bearer tokens of others: JWTs checked against a shared secret, a key file or an issuer's keys."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import msgspec
import structlog

from twofold.errors import Problem, SettingsProblems, SignInRequired

_LOG = structlog.get_logger("twofold.security")
_SECRET_BYTES = 32
_FETCH_SECONDS = 5.0
_FETCH_PAUSE_SECONDS = 60.0
_HERE = ("localhost", "127.0.0.1", "::1")

Keys = Mapping[str, jwt.PyJWK]
Fetch = Callable[[str], bytes]


class SecuritySettings(msgspec.Struct, frozen=True, kw_only=True):
    """How callers prove who they are.

    ``secret``: shared secret for HS256 bearer tokens (at least 32 bytes). ``keys``: a JWKS file for
    RS256, ES256 or EdDSA. With an ``issuer`` and neither of them, the issuer's published keys are
    used (OpenID Connect discovery). Without any, nobody can send bearer tokens, except the demo's
    own. ``issuer`` and ``audience`` are demanded where set. ``demo`` allows choosing an account.
    """

    secret: str = ""
    keys: str = ""
    issuer: str = ""
    audience: str = ""
    demo: bool = False

    @property
    def discovers(self) -> bool:
        """Whether keys come from the issuer."""
        return bool(self.issuer) and not (self.secret or self.keys)


class UnknownKey(SignInRequired):
    """The token names a key that is not known yet; the issuer may have it."""


class BearerTokens:
    """Checks tokens that others have signed. Raises SettingsProblems for settings that can't work.

    ``monotonic`` is a clock in seconds, ``fetch`` gets a document from the issuer.
    """

    def __init__(
        self,
        settings: SecuritySettings,
        monotonic: Callable[[], float],
        fetch: Fetch | None = None,
    ) -> None:
        self._settings = settings
        self._keys = _configured_keys(settings)
        self._monotonic = monotonic
        self._fetch = fetch or _fetched
        self._fetched_at = float("-inf")
        self._fetching = asyncio.Lock()

    def claims(self, token: str) -> dict[str, Any]:
        """What a token with a good signature says; whether it has expired is for the caller.

        Raises SignInRequired, UnknownKey.
        """
        settings = self._settings
        if not (settings.secret or settings.keys or settings.issuer):
            raise _refused("no secret, keys or issuer for bearer tokens are configured")
        try:
            header = jwt.get_unverified_header(token)
            algorithm = str(header.get("alg", ""))
            return jwt.decode(
                token,
                self._key(algorithm, header.get("kid")),
                algorithms=[algorithm],
                issuer=settings.issuer or None,
                audience=settings.audience or None,
                options={
                    "require": ["exp", "sub"],
                    "verify_aud": bool(settings.audience),
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except jwt.PyJWTError as exc:
            raise _refused(f"{type(exc).__name__}: {exc}") from exc

    async def learn(self) -> None:
        """Ask the issuer for its keys, at most once a minute however many tokens are unknown."""
        async with self._fetching:
            if self._monotonic() - self._fetched_at < _FETCH_PAUSE_SECONDS:
                return
            self._fetched_at = self._monotonic()
            try:
                self._keys = await asyncio.to_thread(_issued_keys, self._settings, self._fetch)
            except (OSError, ValueError, KeyError, jwt.PyJWTError) as exc:
                _LOG.error("the issuer's keys can't be read", why=str(exc))

    def _key(self, algorithm: str, key_id: str | None) -> Any:
        if algorithm == "HS256" and self._settings.secret:
            return self._settings.secret
        only = next(iter(self._keys.values())) if len(self._keys) == 1 else None
        key = self._keys.get(key_id) if key_id is not None else only
        if key is None and self._settings.discovers:
            raise UnknownKey("a token with an unknown key; this")
        if key is None:
            raise jwt.InvalidKeyError(f"no key {key_id!r} for {algorithm}")
        # Otherwise a public key could be passed off as the secret of a symmetric signature.
        if key.algorithm_name != algorithm:
            raise jwt.InvalidAlgorithmError(algorithm)
        return key


def _refused(why: str) -> SignInRequired:
    _LOG.info("bearer token refused", why=why)
    return SignInRequired("the token given is not valid; this")


def _configured_keys(settings: SecuritySettings) -> Keys:
    problems = []
    if settings.secret and len(settings.secret.encode()) < _SECRET_BYTES:
        problems.append(Problem("TWOFOLD_JWT_SECRET", f"needs at least {_SECRET_BYTES} bytes"))
    if settings.discovers:
        problems += _issuer_problems(settings.issuer)
    if (settings.keys or settings.discovers) and not importlib.util.find_spec("cryptography"):
        what = "TWOFOLD_JWT_KEYS" if settings.keys else "TWOFOLD_JWT_ISSUER"
        problems.append(Problem(what, "needs: pip install 'twofold[jwks]'"))
    keys: Keys = {}
    if settings.keys and not problems:
        try:
            keys = _parsed(Path(settings.keys).read_bytes())
        except (OSError, ValueError, jwt.PyJWTError) as exc:
            problems.append(Problem("TWOFOLD_JWT_KEYS", f"{settings.keys}: {exc}"))
    if problems:
        raise SettingsProblems(problems)
    return keys


def _issuer_problems(issuer: str) -> list[Problem]:
    parts = urlsplit(issuer)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE):
        return []
    why = "without a secret or key file its keys are fetched, so it must be an https:// address"
    return [Problem("TWOFOLD_JWT_ISSUER", why)]


def _parsed(document: bytes) -> Keys:
    found = jwt.PyJWKSet.from_dict(json.loads(document))
    return {key.key_id or "": key for key in found.keys}


def _issued_keys(settings: SecuritySettings, fetch: Fetch) -> Keys:
    where = f"{settings.issuer.rstrip('/')}/.well-known/openid-configuration"
    address = str(json.loads(fetch(where))["jwks_uri"])
    if _issuer_problems(address):
        raise ValueError(f"{address} is not an https:// address")
    return _parsed(fetch(address))


def _fetched(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=_FETCH_SECONDS) as answer:
        document: bytes = answer.read(1_000_000)
    return document

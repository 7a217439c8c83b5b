"""Who is calling: what is believed, what is not, and for how long."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from structlog.testing import capture_logs

from twofold.domain.caller import NOBODY, Caller
from twofold.errors import SettingsProblems, SignInRequired
from twofold.http.bearer import SecuritySettings, UnknownKey
from twofold.http.exchange import Exchange
from twofold.http.rejections import ForeignOrigin
from twofold.http.security import SESSION, Security
from twofold.wiring.application import Account

SECRET = "a shared secret that is long enough for every algorithm, 64 bytes"
ISSUER = "https://issuer.example"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ANN = Account("ann", "Ann", ("author",))


class StillClock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        self.passed += seconds


def security(
    clock: StillClock | None = None, fetch: Callable[[str], bytes] | None = None, **settings: Any
) -> Security:
    own = b"the key of this log"
    return Security(SecuritySettings(**settings), (ANN,), own, clock or StillClock(), fetch)


def exchange(method: str = "GET", **headers: str) -> Exchange:
    sent = [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()]
    scope = {"method": method, "path": "/", "headers": sent}
    return Exchange(scope, None, None)  # type: ignore[arg-type]


def bearer(token: str) -> Exchange:
    return exchange(authorization=f"Bearer {token}")


def claims(**changes: Any) -> dict[str, Any]:
    expires = int(NOW.timestamp()) + 60
    made = {"sub": "bob", "name": "Bob", "roles": ["reviewer"], "exp": expires, **changes}
    return {name: value for name, value in made.items() if value is not None}


def signed(key: Any = SECRET, algorithm: str = "HS256", kid: str = "", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm, {"kid": kid} if kid else None)


def jwks(**keys: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    found = []
    for kid, key in keys.items():
        if isinstance(key, rsa.RSAPrivateKey):
            public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())
        else:
            public = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())
        found.append({**json.loads(public), "kid": kid})
    return json.dumps({"keys": found}).encode()


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())


def test_nobody_is_signed_in_without_a_token() -> None:
    assert security(secret=SECRET).identify(exchange()) == NOBODY


def test_a_signed_token_says_who_it_is() -> None:
    found = security(secret=SECRET).identify(bearer(signed()))
    assert found == Caller("bob", "Bob", frozenset({"reviewer"}))


def test_a_token_is_good_until_it_expires_however_often_it_was_seen() -> None:
    clock = StillClock()
    checked = security(clock, secret=SECRET)
    token = signed()
    for clock.passed in (0.0, 59.0):
        assert checked.identify(bearer(token)).subject == "bob"
    clock.passed = 60.0
    with pytest.raises(SignInRequired, match="expired"):
        checked.identify(bearer(token))


@pytest.mark.parametrize(
    "token",
    [
        "nonsense",
        "",
        signed(SECRET[::-1]),
        signed(algorithm="HS512"),
        signed(None, "none"),
        signed(sub=None),
        signed(exp=None),
        signed(exp=int(NOW.timestamp()) - 1),
        signed(nbf=int(NOW.timestamp()) + 3600),
        signed(sub=""),
        signed(sub="system", roles=["system"]),
        signed(iss="https://elsewhere.example"),
        signed(iss=ISSUER, aud="somebody else"),
    ],
)
def test_what_is_not_signed_for_us_is_refused(token: str) -> None:
    checked = security(secret=SECRET, issuer=ISSUER, audience="us")
    good = signed(iss=ISSUER, aud="us")
    assert checked.identify(bearer(good)).subject == "bob"
    with pytest.raises(SignInRequired):
        checked.identify(bearer(token))


def test_schemes_other_than_bearer_are_refused() -> None:
    with pytest.raises(SignInRequired):
        security(secret=SECRET).identify(exchange(authorization="Basic YTpi"))


def test_without_settings_no_bearer_token_is_good_and_the_log_says_why() -> None:
    with capture_logs() as logs, pytest.raises(SignInRequired):
        security().identify(bearer(signed(None, "none")))
    assert logs[0]["why"] == "no secret, keys or issuer for bearer tokens are configured"
    assert signed(None, "none") not in str(logs)


def test_keys_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(jwks(one=RSA, two=EC))
    checked = security(keys=str(file))
    for token in (signed(RSA, "RS256", "one"), signed(EC, "ES256", "two")):
        assert checked.identify(bearer(token)).subject == "bob"
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for token in (signed(other, "RS256", "one"), signed(RSA, "RS256"), signed(RSA, "RS512", "one")):
        with pytest.raises(SignInRequired):
            checked.identify(bearer(token))


def test_a_single_key_needs_no_name(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(jwks(one=RSA))
    assert security(keys=str(file)).identify(bearer(signed(RSA, "RS256"))).subject == "bob"


class Issuer:
    """Publishes keys."""

    def __init__(self, **keys: Any) -> None:
        self.keys = keys
        self.asked: list[str] = []

    def fetch(self, address: str) -> bytes:
        self.asked.append(address)
        if address.endswith("openid-configuration"):
            return json.dumps({"jwks_uri": f"{ISSUER}/keys"}).encode()
        return jwks(**self.keys)


async def test_an_issuers_keys_are_learned_when_a_token_names_them() -> None:
    issuer, clock = Issuer(one=RSA), StillClock()
    checked = security(clock, issuer.fetch, issuer=ISSUER)
    token = bearer(signed(RSA, "RS256", "one", iss=ISSUER))
    with pytest.raises(UnknownKey):
        checked.identify(token)
    assert (await checked.identify_by_new_key(token)).subject == "bob"
    assert issuer.asked == [f"{ISSUER}/.well-known/openid-configuration", f"{ISSUER}/keys"]
    issuer.keys["two"] = EC
    new = bearer(signed(EC, "ES256", "two", iss=ISSUER))
    with pytest.raises(UnknownKey):
        await checked.identify_by_new_key(new)
    assert len(issuer.asked) == 2, "the issuer is not asked again within a minute"
    clock.passed += 60
    new = bearer(signed(EC, "ES256", "two", iss=ISSUER, exp=int(NOW.timestamp()) + 600))
    assert (await checked.identify_by_new_key(new)).subject == "bob"


async def test_an_issuer_that_does_not_answer_is_told_of_in_the_log() -> None:
    def fetch(address: str) -> bytes:
        raise TimeoutError("no answer")

    checked = security(None, fetch, issuer=ISSUER)
    token = bearer(signed(RSA, "RS256", "one", iss=ISSUER))
    with capture_logs() as logs, pytest.raises(UnknownKey):
        await checked.identify_by_new_key(token)
    assert logs[0]["why"] == "no answer"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"secret": "short"}, "TWOFOLD_JWT_SECRET"),
        ({"keys": "/nowhere/keys.json"}, "TWOFOLD_JWT_KEYS"),
        ({"issuer": "http://issuer.example"}, "TWOFOLD_JWT_ISSUER"),
    ],
)
def test_settings_that_cannot_work_are_named(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(SettingsProblems) as caught:
        security(**settings)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_a_session_is_good_for_its_time_in_demo_mode_alone() -> None:
    clock = StillClock()
    demo = security(clock, demo=True)
    token = demo.sign_in(ANN)
    cookie = f"theirs={{a]; {SESSION}={token}; other=1"
    assert demo.identify(exchange(cookie=cookie)) == Caller("ann", "Ann", frozenset({"author"}))
    assert security(clock, demo=True).identify(bearer(token)).subject == "ann", "after a restart"
    production = security(clock, secret=SECRET)
    left = exchange(cookie=cookie)
    assert production.identify(left) == NOBODY
    assert any(b"Max-Age=0" in value for _, value in left.added)
    with pytest.raises(SignInRequired):
        production.identify(bearer(token))
    clock.passed = 13 * 3600.0
    assert demo.identify(exchange(cookie=cookie)) == NOBODY


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "same-site"}, False),
        ({"sec_fetch_site": "cross-site", "origin": "https://here.example"}, False),
        ({"origin": "https://here.example"}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "null"}, False),
        ({}, True),
    ],
)
def test_a_session_acts_only_from_this_sites_pages(headers: dict[str, str], ours: bool) -> None:
    demo = security(demo=True)
    cookie = f"{SESSION}={demo.sign_in(ANN)}"
    request = exchange("POST", host="here.example", cookie=cookie, **headers)
    if ours:
        assert demo.identify(request).subject == "ann"
    else:
        with pytest.raises(ForeignOrigin):
            demo.identify(request)
    assert demo.identify(exchange(host="here.example", cookie=cookie, **headers)).subject == "ann"

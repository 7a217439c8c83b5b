"""Demo accounts: signing in by choosing one. Only where the setting says so."""

from __future__ import annotations

import msgspec

from twofold.errors import InvalidInput, Problem
from twofold.http.exchange import Exchange
from twofold.http.rejections import Malformed
from twofold.http.security import SESSION, Security, check_origin

_LIMIT_BYTES = 10_000


class Demo:
    """The routes of demo mode."""

    def __init__(self, security: Security) -> None:
        self._security = security

    async def accounts(self, exchange: Exchange) -> None:
        """GET /demo/accounts."""
        listed = list(self._security.accounts.values())
        await exchange.answer(200, msgspec.json.encode({"accounts": listed}))

    async def sign_in(self, exchange: Exchange) -> None:
        """POST /demo/sign-in {"account"}."""
        check_origin(exchange)
        try:
            raw = msgspec.json.decode(await exchange.body(_LIMIT_BYTES), type=dict[str, str])
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            raise Malformed(f'send {{"account": "…"}}: {exc}') from exc
        account = self._security.accounts.get(raw.get("account", ""))
        if account is None:
            allowed = ", ".join(self._security.accounts)
            raise InvalidInput([Problem("account", f"one of {allowed}")])
        token = self._security.start_session(exchange, account)
        body = msgspec.json.encode({"token": token, "account": account.account})
        await exchange.answer(200, body)

    async def sign_out(self, exchange: Exchange) -> None:
        """POST /demo/sign-out."""
        check_origin(exchange)
        exchange.set_cookie(SESSION, "", seconds=0)
        await exchange.answer(200, b"{}")

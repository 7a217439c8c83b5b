"""Consistency tokens and cursors: opaque, signed with the log's own key."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from twofold.errors import BadCursor, BadToken, ForeignToken, FutureToken

T = TypeVar("T")
_SIGNATURE_BYTES = 10


class Tokens:
    """Makes and reads what clients carry around.

    A token says which position of which log its bearer has seen: {epoch: position}. Tokens of
    several logs merge; positions of different logs are never compared.
    """

    def __init__(self, epoch: str, secret: bytes) -> None:
        self.epoch = epoch
        self._secret = secret

    def token(self, position: int, others: Mapping[str, int] | None = None) -> str:
        """A token for ``position`` of this log, keeping what it knew of ``others``."""
        return self._seal(b"t", {**(others or {}), self.epoch: position})

    def merged(self, first: str, second: str) -> str:
        """One token that asks for what both ask for. Raises BadToken."""
        positions = dict(self._positions(first))
        for epoch, position in self._positions(second).items():
            positions[epoch] = max(position, positions.get(epoch, 0))
        return self._seal(b"t", positions)

    def position(self, token: str, head: int) -> int:
        """The position of this log that the token asks for.

        Raises BadToken for a forged one, ForeignToken for one that says nothing of this log,
        FutureToken if this log never got that far (it was restored from an older copy).
        """
        positions = self._positions(token)
        if self.epoch not in positions:
            raise ForeignToken("it belongs to another database")
        if positions[self.epoch] > head:
            raise FutureToken(f"it names position {positions[self.epoch]}, this log ends at {head}")
        return positions[self.epoch]

    def _positions(self, token: str) -> dict[str, int]:
        try:
            return self._open(b"t", token, dict[str, int])
        except ValueError as exc:
            raise BadToken(str(exc)) from exc

    def cursor(self, content: Any) -> str:
        """An opaque cursor with ``content``."""
        return self._seal(b"c", content)

    def cursor_content(self, cursor: str, content: type[T]) -> T:
        """What a cursor contains. Raises BadCursor."""
        try:
            return self._open(b"c", cursor, content)
        except ValueError as exc:
            raise BadCursor(str(exc)) from exc

    def _seal(self, purpose: bytes, content: Any) -> str:
        body = msgspec.msgpack.encode(content)
        return base64.urlsafe_b64encode(self._sign(purpose, body) + body).rstrip(b"=").decode()

    def _open(self, purpose: bytes, text: str, content: type[T]) -> T:
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            raw = base64.b64decode(padded, altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError) as exc:
            raise ValueError("it is damaged") from exc
        signature, body = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(purpose, body)):
            # Another database signs with another key, so this covers foreign tokens as well.
            raise ValueError("it was not issued by this system")
        try:
            return msgspec.msgpack.decode(body, type=content)
        except msgspec.MsgspecError as exc:
            raise ValueError("it has another form than expected") from exc

    def _sign(self, purpose: bytes, body: bytes) -> bytes:
        return hmac.digest(self._secret, purpose + body, "sha256")[:_SIGNATURE_BYTES]

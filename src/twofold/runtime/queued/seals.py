"""Seals: what was accepted by a process of this system is known by every other one.

Both are made with the log's own key. A command that waits at a broker is nowhere in the write
database yet, so its id itself says that it was accepted, from whom, and with which payload; and a
message that anybody could have put on the channel says that it comes from a process of ours.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import NamedTuple

_BYTES = 8
_BETWEEN = "."


class SealedId(NamedTuple):
    """An id made by ``Seals.id``: of which command, and the beginning of its payload's digest."""

    command_id: str
    digest: bytes
    sender: bytes


class Seals:
    """Makes and checks them."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def id(self, command_id: str, subject: str, digest: str) -> str:
        """The id under which ``subject`` may ask for an accepted command."""
        head = bytes.fromhex(digest)[:_BYTES].ljust(_BYTES, b"\0")
        sender = self._sender(command_id, head, subject)
        seals = head + sender + self._whole(command_id, head, sender)
        return f"{command_id}{_BETWEEN}{base64.urlsafe_b64encode(seals).decode()}"

    def read_id(self, text: str) -> SealedId | None:
        """What a sealed id says; None if it is none of ours."""
        command_id, _, sealed = text.rpartition(_BETWEEN)
        try:
            raw = base64.b64decode(sealed.encode("ascii"), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError):
            return None
        head, sender, whole = raw[:_BYTES], raw[_BYTES : 2 * _BYTES], raw[2 * _BYTES :]
        if not hmac.compare_digest(whole, self._whole(command_id, head, sender)):
            return None
        return SealedId(command_id, head, sender)

    def is_from(self, sealed: SealedId, subject: str) -> bool:
        """Whether ``subject`` sent the command."""
        made = self._sender(sealed.command_id, sealed.digest, subject)
        return hmac.compare_digest(sealed.sender, made)

    def same_payload(self, sealed: SealedId, digest: str) -> bool:
        """Whether a record with ``digest`` is of the payload that was accepted."""
        head = bytes.fromhex(digest)[:_BYTES].ljust(_BYTES, b"\0")
        return hmac.compare_digest(sealed.digest, head)

    def of_message(self, data: bytes) -> str:
        """The seal of a message on the channel."""
        return hmac.digest(self._secret, b"message" + data, "sha256").hex()

    def _whole(self, command_id: str, head: bytes, sender: bytes) -> bytes:
        return self._sign(b"id" + head + sender + command_id.encode())

    def _sender(self, command_id: str, head: bytes, subject: str) -> bytes:
        return self._sign(b"sender" + head + f"{command_id}\0{subject}".encode())

    def _sign(self, text: bytes) -> bytes:
        return hmac.digest(self._secret, text, "sha256")[:_BYTES]

"""Alerts by HTTP, signed as the Standard Webhooks specification says (standardwebhooks.com).

The standard library does it in a thread: a message now and then is no reason for a dependency, and
it honours ``https_proxy`` and the machine's certificates.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import urllib.error
import urllib.request
from typing import Any

import msgspec

from twofold.adapters._talking import Talking
from twofold.errors import NotDelivered
from twofold.ports.alerts import Message

_SECONDS = 10.0
_PREFIX = "whsec_"


class Webhook:
    """Posts messages as JSON to ``url``. Any answer but 2xx, a redirection too, is a refusal."""

    name = "webhook"

    def __init__(self, url: str, secret: str, *, timeout_seconds: float = _SECONDS) -> None:
        self._url = url
        self._key = key_of(secret)
        self._seconds = timeout_seconds
        self._opener = urllib.request.build_opener(_NoRedirection)
        self._talking = Talking("twofold-webhook", 2 * timeout_seconds)

    async def send(self, message: Message) -> None:
        """One request. Raises NotDelivered."""
        try:
            await self._talking.hold(lambda: self._post(message))
        except TimeoutError as exc:
            raise NotDelivered(self.name, "no answer in time") from exc

    def _post(self, message: Message) -> None:
        body = msgspec.json.encode(message)
        timestamp = str(int(message.sent_at.timestamp()))
        headers = {
            "content-type": "application/json",
            "user-agent": "twofold",
            "webhook-id": message.delivery,
            "webhook-timestamp": timestamp,
            "webhook-signature": signature(self._key, message.delivery, timestamp, body),
        }
        request = urllib.request.Request(self._url, body, headers, method="POST")
        try:
            with self._opener.open(request, timeout=self._seconds):
                return
        except urllib.error.HTTPError as exc:
            exc.close()
            raise NotDelivered(self.name, f"it answered {exc.code}") from exc
        except urllib.error.URLError as exc:
            raise NotDelivered(self.name, f"not reached: {exc.reason}") from exc
        except OSError as exc:
            raise NotDelivered(self.name, f"not reached: {type(exc).__name__}") from exc
        except http.client.HTTPException as exc:
            # Its text would quote what was answered.
            raise NotDelivered(self.name, f"it does not speak HTTP: {type(exc).__name__}") from exc


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET that says nothing."""

    def redirect_request(self, *_: Any) -> None:
        return None


def key_of(secret: str) -> bytes:
    """The key in a secret: ``whsec_`` and Base64, or any text as it is. Raises ValueError."""
    if secret.startswith(_PREFIX):
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    return secret.encode()


def signature(key: bytes, delivery: str, timestamp: str, body: bytes) -> str:
    """``v1,`` and the HMAC-SHA256 over id, time and body."""
    signed = b".".join((delivery.encode(), timestamp.encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()

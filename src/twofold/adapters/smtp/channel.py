"""Alerts by e-mail, through ``smtplib`` in a thread."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from contextlib import suppress
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Literal

import msgspec

from twofold.adapters._talking import Talking
from twofold.errors import NotDelivered
from twofold.ports.alerts import Message

_SECONDS = 20.0
# Of how many mails is known which recipients are still to get them.
_KEPT = 100
# Codes below say that it may work later.
_NEVER = 500


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """Where mail goes out. ``tls``: from the first byte, by STARTTLS, or not at all.

    ``ca`` is a file with certificates to trust, "" for the machine's own.
    """

    host: str
    port: int
    user: str = ""
    password: str = ""
    tls: Literal["implicit", "starttls", "none"] = "starttls"
    ca: str = ""


class Mail:
    """Sends messages from ``sender`` to ``recipients``."""

    name = "e-mail"

    def __init__(
        self,
        server: Server,
        sender: str,
        recipients: tuple[str, ...],
        *,
        timeout_seconds: float = _SECONDS,
    ) -> None:
        self._server = server
        self._sender = sender
        self._recipients = recipients
        self._seconds = timeout_seconds
        self._talking = Talking("twofold-mail", 2 * timeout_seconds)
        self._left: dict[str, Sequence[str]] = {}

    async def send(self, message: Message) -> None:
        """One mail in a conversation of its own. Raises NotDelivered.

        Where some recipients are put off, the next attempt is for them alone.
        """
        try:
            await self._talking.hold(lambda: self._send(message))
        except TimeoutError as exc:
            raise NotDelivered(self.name, "no answer in time") from exc

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        what = message.severity if message.occasion == "opened" else message.occasion
        mail["Subject"] = " ".join(f"[{message.application}] {what}: {message.summary}".split())
        mail["From"] = self._sender
        mail["To"] = ", ".join(self._recipients)
        mail["Date"] = format_datetime(message.sent_at)
        mail["Message-ID"] = f"<{message.delivery}@twofold.invalid>"
        if message.occasion != "opened":
            # All that is told of one alert belongs together.
            mail["References"] = f"<{message.alert}.opened.1@twofold.invalid>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(_text(message))
        return mail

    def _send(self, message: Message) -> None:
        recipients = self._left.get(message.delivery, self._recipients)
        try:
            refused = self._refused(self._mail(message), recipients)
        except (smtplib.SMTPException, OSError, UnicodeError) as exc:
            raise NotDelivered(self.name, _why(exc)) from exc
        later = [one for one, (code, _) in refused.items() if code < _NEVER]
        some = len(refused) < len(self._recipients)
        if later:
            self._keep(message.delivery, later)
            raise NotDelivered(self.name, f"{len(later)} of the recipients were put off")
        self._left.pop(message.delivery, None)
        if refused:
            why = f"{len(refused)} of the recipients were refused"
            raise NotDelivered(self.name, why, partly=some)

    def _keep(self, delivery: str, recipients: Sequence[str]) -> None:
        self._left[delivery] = recipients
        while len(self._left) > _KEPT:
            del self._left[next(iter(self._left))]

    def _refused(
        self, mail: EmailMessage, recipients: Sequence[str]
    ) -> dict[str, tuple[int, bytes]]:
        """Hand over one mail; who of the recipients was refused, and how."""
        connection = self._connected()
        try:
            return connection.send_message(mail, to_addrs=recipients)
        except smtplib.SMTPRecipientsRefused as exc:
            return exc.recipients
        finally:
            # What was taken is taken, however the server says goodbye.
            with suppress(smtplib.SMTPException, OSError):
                connection.quit()
            connection.close()

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        trusted = ssl.create_default_context(cafile=server.ca or None)
        if server.tls == "implicit":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=self._seconds, context=trusted
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=self._seconds)
        try:
            if server.tls == "starttls":
                connection.starttls(context=trusted)
            if server.user:
                connection.login(server.user, server.password)
        except BaseException:
            connection.close()
            raise
        return connection


def _text(message: Message) -> str:
    lines = [message.summary, ""]
    if message.recovered_at is None:
        lines += [message.advice, "", f"since {message.opened_at:%Y-%m-%d %H:%M:%S} UTC"]
    else:
        lines += [
            f"It is over: from {message.opened_at:%Y-%m-%d %H:%M:%S} "
            f"to {message.recovered_at:%Y-%m-%d %H:%M:%S} UTC."
        ]
    lines += ["", f"application {message.application}, alert {message.key}, {message.severity}"]
    return "\n".join(lines) + "\n"


def _why(error: Exception) -> str:
    """Servers quote addresses and names in their answers; their codes say enough."""
    code = getattr(error, "smtp_code", None)
    name = type(error).__name__
    return f"it answered {code} ({name})" if code else name

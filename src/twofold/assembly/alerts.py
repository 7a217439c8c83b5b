"""Settings of alerts, and the channels they come to."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from twofold.adapters.smtp.channel import Mail, Server
from twofold.adapters.webhook.channel import Webhook, key_of
from twofold.errors import Problem
from twofold.ports.alerts import Channel
from twofold.runtime.alerting.limits import AlertLimits

_LEAST_SECRET_BYTES = 24
NUMBERS = {
    "TWOFOLD_ALERT_SECONDS": 5.0,
    "TWOFOLD_ALERT_REMINDER_SECONDS": 4 * 3600.0,
    "TWOFOLD_ALERT_LAG_SECONDS": 30.0,
    "TWOFOLD_ALERT_CLOCK_SECONDS": 2.0,
    "TWOFOLD_ALERT_FREE_MEGABYTES": 1024.0,
    "TWOFOLD_ALERT_HORIZON_SECONDS": 1800.0,
}
NAMES = (
    "TWOFOLD_ALERT_WEBHOOK",
    "TWOFOLD_ALERT_SECRET",
    "TWOFOLD_ALERT_SMTP",
    "TWOFOLD_ALERT_FROM",
    "TWOFOLD_ALERT_TO",
    *NUMBERS,
)


class AlertSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Who is told of alerts, and from when on something is one. See docs/how-to/alerts.md."""

    webhook: str = ""
    secret: str = ""
    smtp: Server | None = None
    mail_from: str = ""
    mail_to: tuple[str, ...] = ()
    limits: AlertLimits = AlertLimits()

    def channels(self) -> list[Channel]:
        """One for each way there is."""
        found: list[Channel] = []
        if self.webhook:
            found.append(Webhook(self.webhook, self.secret))
        if self.smtp is not None:
            found.append(Mail(self.smtp, self.mail_from, self.mail_to))
        return found


def alert_settings(
    given: Mapping[str, str], numbers: Mapping[str, float], problems: list[Problem]
) -> AlertSettings:
    """Of all settings ``given`` those of alerts; what is wrong with them goes to ``problems``."""
    _check_webhook(given, problems)
    return AlertSettings(
        webhook=given.get("TWOFOLD_ALERT_WEBHOOK", ""),
        secret=given.get("TWOFOLD_ALERT_SECRET", ""),
        smtp=_smtp(given.get("TWOFOLD_ALERT_SMTP", ""), problems),
        mail_from=given.get("TWOFOLD_ALERT_FROM", ""),
        mail_to=_addresses(given, problems),
        limits=AlertLimits(
            seconds=numbers["TWOFOLD_ALERT_SECONDS"],
            reminder_seconds=numbers["TWOFOLD_ALERT_REMINDER_SECONDS"],
            lag_seconds=numbers["TWOFOLD_ALERT_LAG_SECONDS"],
            clock_seconds=max(0.001, numbers["TWOFOLD_ALERT_CLOCK_SECONDS"]),
            free_bytes=int(numbers["TWOFOLD_ALERT_FREE_MEGABYTES"] * 1024**2),
            horizon_seconds=max(1.0, numbers["TWOFOLD_ALERT_HORIZON_SECONDS"]),
        ),
    )


def _check_webhook(given: Mapping[str, str], problems: list[Problem]) -> None:
    """No value is quoted: addresses of webhooks are secrets too."""
    url, secret = given.get("TWOFOLD_ALERT_WEBHOOK", ""), given.get("TWOFOLD_ALERT_SECRET", "")
    if url and not _can_be_called(url):
        why = "an address: https://host/path, in ASCII, without user and password"
        problems.append(Problem("TWOFOLD_ALERT_WEBHOOK", why))
    if url and not secret:
        why = "is needed with TWOFOLD_ALERT_WEBHOOK: receivers tell by it that a message is ours"
        problems.append(Problem("TWOFOLD_ALERT_SECRET", why))
    if secret and _too_short(secret):
        why = f"whsec_ and Base64, or text; at least {_LEAST_SECRET_BYTES} bytes"
        problems.append(Problem("TWOFOLD_ALERT_SECRET", why))


def _can_be_called(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    written = url.isascii() and url.isprintable() and " " not in url
    known = parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0
    return written and known and "@" not in parts.netloc


def _too_short(secret: str) -> bool:
    try:
        return len(key_of(secret)) < _LEAST_SECRET_BYTES
    except (binascii.Error, ValueError):
        return True


def _smtp(url: str, problems: list[Problem]) -> Server | None:
    """``smtp://user:password@host:587``, ``smtps://…``; ``?tls=none``, ``?ca=FILE``."""
    if not url:
        return None
    parts, wrong = urlsplit(url), []
    options = dict(parse_qsl(parts.query))
    try:
        port = parts.port
    except ValueError:
        port, wrong = None, ["its port is no number"]
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        wrong.append("smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465")
    wrong += [f"no such option: {name}" for name in options.keys() - {"tls", "ca"}]
    plain = options.get("tls") == "none"
    if options.get("tls", "none") != "none" or (plain and parts.scheme == "smtps"):
        wrong.append("tls=none, with smtp://, is the only choice besides the scheme's own")
    if plain and parts.username:
        wrong.append("a password is not sent without TLS")
    if options.get("ca") and not Path(options["ca"]).is_file():
        wrong.append("the file of ca= is not there")
    problems += [Problem("TWOFOLD_ALERT_SMTP", why) for why in wrong]
    implicit = parts.scheme == "smtps"
    return Server(
        host=parts.hostname or "",
        port=port or (465 if implicit else 587),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls="implicit" if implicit else "none" if plain else "starttls",
        ca=options.get("ca", ""),
    )


def _addresses(given: Mapping[str, str], problems: list[Problem]) -> tuple[str, ...]:
    """Who gets mail; with a server, sender and recipients are needed."""
    sender = given.get("TWOFOLD_ALERT_FROM", "")
    recipients = tuple(
        one.strip() for one in given.get("TWOFOLD_ALERT_TO", "").split(",") if one.strip()
    )
    mails = bool(given.get("TWOFOLD_ALERT_SMTP"))
    for name, addresses in (
        ("TWOFOLD_ALERT_FROM", (sender,) if sender else ()),
        ("TWOFOLD_ALERT_TO", recipients),
    ):
        if mails != bool(addresses):
            why = "is needed with TWOFOLD_ALERT_SMTP" if mails else "needs TWOFOLD_ALERT_SMTP"
            problems.append(Problem(name, why))
        elif not all(_is_address(one) for one in addresses):
            problems.append(Problem(name, "addresses: alerts@example.org, divided by commas"))
    return recipients


def _is_address(text: str) -> bool:
    name, at, host = text.rpartition("@")
    return bool(name and at and host) and not set(text) & set(" \r\n<>,;")

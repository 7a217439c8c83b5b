"""``kafka://user:password@host:port,host:port?option=value`` as the driver's settings."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from twofold.adapters.kafka.driver import Settings
from twofold.errors import Problem, SettingsProblems

_PORT = "9092"
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_OPTIONS = ("mechanism", "ca")


def settings_of(url: str) -> Settings:
    """How to connect. Raises SettingsProblems."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    credentials, _, hosts = parts.netloc.rpartition("@")
    if problems := _problems(parts.scheme, hosts, options):
        raise SettingsProblems([Problem("kafka", text) for text in problems])
    tls = parts.scheme == "kafkas"
    settings: dict[str, Any] = {
        "bootstrap.servers": ",".join(_with_port(host) for host in hosts.split(",")),
        "security.protocol": ("SASL_" if credentials else "") + ("SSL" if tls else "PLAINTEXT"),
    }
    if credentials:
        user, _, password = credentials.partition(":")
        settings |= {
            "sasl.mechanism": options.get("mechanism", "SCRAM-SHA-512"),
            "sasl.username": unquote(user),
            "sasl.password": unquote(password),
        }
    if "ca" in options:
        settings["ssl.ca.location"] = options["ca"]
    return settings


def _problems(scheme: str, hosts: str, options: dict[str, str]) -> list[str]:
    found = []
    if scheme not in ("kafka", "kafkas"):
        found.append(f"an address begins with kafka:// or kafkas://, not with {scheme}://")
    if not all(host.strip() for host in hosts.split(",")):
        found.append("an address names its hosts: kafka://host:9092,other:9092")
    if unknown := sorted(options.keys() - set(_OPTIONS)):
        found.append(f"no option {', '.join(unknown)}; there are: {', '.join(_OPTIONS)}")
    mechanism = options.get("mechanism", "PLAIN")
    if mechanism not in _MECHANISMS:
        found.append(f"mechanism is one of {', '.join(_MECHANISMS)}, not {mechanism}")
    return found


def _with_port(host: str) -> str:
    # The colons of an IPv6 address stand within brackets.
    return host if ":" in host.rpartition("]")[2] else f"{host}:{_PORT}"

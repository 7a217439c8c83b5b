"""Options of an adapter in its address: ``broker://host:port/?name=number``."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit

from twofold.errors import Problem, SettingsProblems


def without_options(url: str, defaults: Mapping[str, int]) -> tuple[str, dict[str, int]]:
    """The address alone, and every option with what is given or its default.

    Raises SettingsProblems, naming everything that is wrong with it.
    """
    parts = urlsplit(url)
    options, problems = dict(defaults), _place_problems(parts)
    for name, text in parse_qsl(parts.query, keep_blank_values=True):
        if name not in defaults:
            problems.append(f"no option {name}; there are {', '.join(sorted(defaults))}")
        elif not (text.isascii() and text.isdigit()):
            problems.append(f"{name} is a whole number, not {text!r}")
        else:
            options[name] = int(text)
    if problems:
        raise SettingsProblems([Problem("TWOFOLD_BROKER", why) for why in problems])
    return urlunsplit(parts._replace(query="", fragment="")), options


def place(url: str, port: int) -> str:
    """``host:port`` of an address, without what must stay secret."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}:{parts.port or port}"


def _place_problems(parts: SplitResult) -> list[str]:
    if not parts.hostname:
        return [f"an address names a host: {parts.scheme}://host"]
    try:
        return [] if parts.port != 0 else ["a port is a number from 1 to 65535"]
    except ValueError:
        return ["a port is a number from 1 to 65535"]

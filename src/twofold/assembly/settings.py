"""Settings: read once, from the environment or a TOML file, all problems reported together."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urlsplit

import msgspec

from twofold.assembly.alerts import NAMES, NUMBERS, AlertSettings, alert_settings
from twofold.errors import Problem, SettingsProblems

_NAMES = (
    "TWOFOLD_LOG",
    "TWOFOLD_READ",
    "TWOFOLD_BROKER",
    "TWOFOLD_PROJECTIONS",
    "TWOFOLD_COMMANDS",
    "TWOFOLD_DEMO",
    "TWOFOLD_DATA",
    "TWOFOLD_HOLD_PROJECTIONS_SECONDS",
    "TWOFOLD_JWT_SECRET",
    "TWOFOLD_JWT_KEYS",
    "TWOFOLD_JWT_ISSUER",
    "TWOFOLD_JWT_AUDIENCE",
    "TWOFOLD_MAX_BODY_BYTES",
    "TWOFOLD_PARTITIONS",
    "TWOFOLD_CHANNEL_PREFIX",
    "TWOFOLD_MAX_EVENT_BYTES",
    "TWOFOLD_CANARY_SECONDS",
    "TWOFOLD_PARKED_LIMIT",
    "TWOFOLD_PARKED_LIMIT_PER_CAUSE",
    "TWOFOLD_VERIFY_SHARE",
    *NAMES,
)
_ADDRESSES = {"TWOFOLD_LOG", "TWOFOLD_READ", "TWOFOLD_BROKER", "TWOFOLD_ALERT_SMTP"}
_TEST_PREFIXES = ("TWOFOLD_TEST_", "TWOFOLD_AXE")
BROKERS = ("kafka", "kafkas", "amqp", "amqps", "redis", "rediss")
_MOST_PARTITIONS = 256
_CHANNEL_PREFIX = re.compile(r"[A-Za-z0-9._-]{0,100}")
_DATABASES = ("sqlite", "postgresql", "postgres")
_MONGODB = ("mongodb", "mongodb+srv")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Where and how an application runs. See docs/reference/settings.md."""

    log: str
    read: str
    projections: Literal["inline", "async"]
    broker: str = ""
    commands: Literal["sync", "async"] = "sync"
    partitions: int = 1
    channel_prefix: str = ""
    max_event_bytes: int = 0
    parked_limit: int = 1_000
    parked_limit_per_cause: int = 100
    demo: bool = False
    data: str = ""
    hold_projections_seconds: float = 0.0
    canary_seconds: float = 0.0
    jwt_secret: str = ""
    jwt_keys: str = ""
    jwt_issuer: str = ""
    jwt_audience: str = ""
    max_body_bytes: int = 1024 * 1024
    alerts: AlertSettings = AlertSettings()
    verify_share: float = 0.0


def read_settings(
    application: str, environment: Mapping[str, str], file: Path | None = None
) -> Settings:
    """The settings of ``application``; the environment wins over the file.

    Raises SettingsProblems naming everything that can't work.
    """
    problems: list[Problem] = []
    given = {**_from_file(file, problems), **_from_environment(environment)}
    _check_names(given, problems)
    given = _readable(given, problems)
    log = given.get("TWOFOLD_LOG") or f"sqlite:///./data/{application}.db"
    read = given.get("TWOFOLD_READ") or log
    _check_url("TWOFOLD_LOG", log, problems)
    _check_url("TWOFOLD_READ", read, problems)
    commands = given.get("TWOFOLD_COMMANDS") or "sync"
    if commands not in ("sync", "async"):
        problems.append(Problem("TWOFOLD_COMMANDS", f"sync or async, not {commands!r}"))
    broker = _broker(given, problems)
    prefix = _channel_prefix(given, problems)
    mode = given.get("TWOFOLD_PROJECTIONS") or ("inline" if read == log and not broker else "async")
    _check_projections(mode, same_database=read == log, problems=problems)
    numbers = {
        name: _number(name, given.get(name, ""), default, problems)
        for name, default in (
            ("TWOFOLD_HOLD_PROJECTIONS_SECONDS", 0.0),
            ("TWOFOLD_MAX_BODY_BYTES", 1024 * 1024.0),
            ("TWOFOLD_CANARY_SECONDS", 30.0 if mode == "async" else 0.0),
            ("TWOFOLD_PARTITIONS", 4.0 if broker else 1.0),
            ("TWOFOLD_MAX_EVENT_BYTES", 900_000.0 if broker else 0.0),
            ("TWOFOLD_PARKED_LIMIT", 1_000.0),
            ("TWOFOLD_PARKED_LIMIT_PER_CAUSE", 100.0),
            ("TWOFOLD_VERIFY_SHARE", 0.0),
            *NUMBERS.items(),
        )
    }
    if not 1 <= numbers["TWOFOLD_PARTITIONS"] <= _MOST_PARTITIONS:
        problems.append(Problem("TWOFOLD_PARTITIONS", f"from 1 to {_MOST_PARTITIONS}"))
    elif numbers["TWOFOLD_PARTITIONS"] > 1 and mode == "inline" and not broker:
        why = "projections are inline and there is no broker, so there is no work to divide"
        problems.append(Problem("TWOFOLD_PARTITIONS", f"{why}; use TWOFOLD_PROJECTIONS=async"))
    if numbers["TWOFOLD_VERIFY_SHARE"] > 1:
        problems.append(Problem("TWOFOLD_VERIFY_SHARE", "a share of the time: from 0 to 1"))
    demo = given.get("TWOFOLD_DEMO", "")
    if demo not in ("", "0", "1"):
        problems.append(Problem("TWOFOLD_DEMO", f"1 or 0, not {demo!r}"))
    alerts = alert_settings(given, numbers, problems)
    if problems:
        raise SettingsProblems(problems)
    return Settings(
        log=log,
        read=read,
        projections="inline" if mode == "inline" else "async",
        broker=broker,
        commands="async" if commands == "async" else "sync",
        partitions=int(numbers["TWOFOLD_PARTITIONS"]),
        channel_prefix=prefix,
        max_event_bytes=int(numbers["TWOFOLD_MAX_EVENT_BYTES"]),
        parked_limit=int(numbers["TWOFOLD_PARKED_LIMIT"]),
        parked_limit_per_cause=int(numbers["TWOFOLD_PARKED_LIMIT_PER_CAUSE"]),
        demo=demo == "1",
        data=given.get("TWOFOLD_DATA", ""),
        canary_seconds=numbers["TWOFOLD_CANARY_SECONDS"],
        hold_projections_seconds=numbers["TWOFOLD_HOLD_PROJECTIONS_SECONDS"],
        jwt_secret=given.get("TWOFOLD_JWT_SECRET", ""),
        jwt_keys=given.get("TWOFOLD_JWT_KEYS", ""),
        jwt_issuer=given.get("TWOFOLD_JWT_ISSUER", ""),
        jwt_audience=given.get("TWOFOLD_JWT_AUDIENCE", ""),
        max_body_bytes=int(numbers["TWOFOLD_MAX_BODY_BYTES"]),
        alerts=alerts,
        verify_share=numbers["TWOFOLD_VERIFY_SHARE"],
    )


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if name.startswith("TWOFOLD_") and not name.startswith(_TEST_PREFIXES)
    }


def _from_file(file: Path | None, problems: list[Problem]) -> dict[str, str]:
    if file is None:
        return {}
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        problems.append(Problem("--config", f"{file}: {exc}"))
        return {}
    return {name: str(int(v) if isinstance(v, bool) else v) for name, v in content.items()}


def _check_names(given: Mapping[str, str], problems: list[Problem]) -> None:
    for name in given:
        if name not in _NAMES:
            near = difflib.get_close_matches(name, _NAMES, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(_NAMES)}"
            problems.append(Problem(name, f"no such setting{hint}"))


def _readable(given: Mapping[str, str], problems: list[Problem]) -> dict[str, str]:
    """Without addresses that can't be taken apart; they are not quoted, for a password's sake."""
    readable = dict(given)
    for name in _ADDRESSES & given.keys():
        try:
            urlsplit(given[name])
        except ValueError:
            del readable[name]
            why = (
                "it can't be read; special characters of a password are percent-encoded ([ as %5B)"
            )
            problems.append(Problem(name, why))
    return readable


def _check_url(name: str, url: str, problems: list[Problem]) -> None:
    parts = urlsplit(url)
    if parts.scheme in _MONGODB and name == "TWOFOLD_READ":
        _check_mongodb(url, problems)
    elif parts.scheme not in _DATABASES:
        known = "sqlite:///path.db or postgresql://…"
        if name == "TWOFOLD_READ":
            known = f"{known} or mongodb://…"
        problems.append(Problem(name, f"{known}, not {_kind(parts)}"))
    elif parts.scheme == "sqlite" and not url.startswith("sqlite:///"):
        problems.append(Problem(name, "a SQLite file is written sqlite:///path.db (three slashes)"))
    elif parts.scheme == "sqlite" and not parts.path.strip("/"):
        problems.append(Problem(name, "names no file: sqlite:///path.db"))


def _kind(parts: SplitResult) -> str:
    """What was given instead; never all of it, for it may hold a password."""
    return repr(parts.scheme) if parts.scheme else "something without a scheme"


def _check_mongodb(url: str, problems: list[Problem]) -> None:
    if not urlsplit(url).netloc.rpartition("@")[2]:
        problems.append(Problem("TWOFOLD_READ", "names no server: mongodb://host:port/database"))


def _broker(given: Mapping[str, str], problems: list[Problem]) -> str:
    """The broker's address, "" for none."""
    url = given.get("TWOFOLD_BROKER", "")
    if url in ("", "none"):
        return ""
    parts = urlsplit(url)
    if parts.scheme not in BROKERS or not parts.hostname:
        known = "none, kafka://host:port, amqp://host or redis://host"
        problems.append(Problem("TWOFOLD_BROKER", f"{known}, not {_kind(parts)}"))
    return url


def _check_projections(mode: str, *, same_database: bool, problems: list[Problem]) -> None:
    if mode not in ("inline", "async"):
        problems.append(Problem("TWOFOLD_PROJECTIONS", f"inline or async, not {mode!r}"))
    elif mode == "inline" and not same_database:
        problems.append(
            Problem(
                "TWOFOLD_PROJECTIONS",
                "inline writes read models in the command's transaction, which only works where "
                "TWOFOLD_READ is the write database; use async",
            )
        )


def _channel_prefix(given: Mapping[str, str], problems: list[Problem]) -> str:
    prefix = given.get("TWOFOLD_CHANNEL_PREFIX", "")
    if not _CHANNEL_PREFIX.fullmatch(prefix):
        why = f"up to 100 letters, digits, dots, dashes and underscores, not {prefix!r}"
        problems.append(Problem("TWOFOLD_CHANNEL_PREFIX", why))
    return prefix


def _number(name: str, text: str, default: float, problems: list[Problem]) -> float:
    try:
        number = float(text) if text else default
    except ValueError:
        number = -1.0
    if not 0 <= number < 2**31:
        problems.append(Problem(name, f"a number from 0, not {text!r}"))
        return default
    return number


def sqlite_path(url: str) -> Path:
    """The file that a sqlite URL names: three slashes for a relative, four for an absolute one."""
    return Path(url.removeprefix("sqlite:///"))

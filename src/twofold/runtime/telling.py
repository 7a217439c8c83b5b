"""What may be told of an error to whoever reads logs or health: never what data it is about.

Messages of our own errors name streams and positions. Those of other code may hold anything: a
customer's name in a ``ValueError``, a row in a driver's error. They are kept where operators look
(records of commands, parked sequences, rejected messages), not in logs, which go everywhere.
"""

from __future__ import annotations

import traceback
from pathlib import PurePath

from twofold.errors import TwofoldError

# The interpreter words these itself, from names and types.
_ABOUT_CODE = (TypeError, AttributeError, NameError, ImportError, ZeroDivisionError, RecursionError)


def told(error: BaseException) -> str:
    """Type, place and cause; the message only where it can't be about data."""
    text = summary(error)
    if not isinstance(error, TwofoldError):
        text += _place(error)
    return f"{text}; because of {told(error.__cause__)}" if error.__cause__ else text


def summary(error: BaseException) -> str:
    """The error alone, in one line."""
    name = type(error).__name__
    if isinstance(error, TwofoldError):
        return str(error)
    if isinstance(error, _ABOUT_CODE):
        return f"{name}: {error}"
    if isinstance(error, OSError) and error.strerror:
        return f"{name}: {error.strerror}"
    return name


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    last = frames[-1]
    return f" at {PurePath(last.filename).name}:{last.lineno} in {last.name}"

"""W3C trace context: which trace something belongs to, as events and messages carry it.

A *traceparent* (https://www.w3.org/TR/trace-context/) names a trace, a span in it, and whether the
trace is recorded ("sampled").
"""

from __future__ import annotations

import re
from collections.abc import Iterable

SAMPLED_FLAGS = "13579bdf"
"""With which of these a traceparent ends if its trace is recorded."""
_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


def read_traceparent(text: str) -> str:
    """``text`` as a traceparent of version 00, "" if it is none."""
    match = _FORM.fullmatch(text)
    if match is None:
        return ""
    version, trace, span, flags, more = match.groups()
    # Later versions may say more behind; of version 00 that would be a mistake (§4.3).
    if version == "ff" or (version == "00" and more) or not int(trace, 16) or not int(span, 16):
        return ""
    return f"00-{trace}-{span}-{flags}"


def is_sampled(traceparent: str) -> bool:
    """Whether the trace is recorded; not for ""."""
    return traceparent != "" and traceparent[-1] in SAMPLED_FLAGS


def sampled_of(traceparents: Iterable[str]) -> list[str]:
    """Those that are recorded."""
    return [one for one in traceparents if one and one[-1] in SAMPLED_FLAGS]


def trace_id(traceparent: str) -> str:
    """The trace alone, "" for ""."""
    return traceparent[3:35]

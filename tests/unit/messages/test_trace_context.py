"""Traceparents are read as W3C says (Trace Context §3.2 and §4.3)."""

from __future__ import annotations

import pytest

from twofold.messages.trace_context import is_sampled, read_traceparent, trace_id

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GOOD = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (GOOD, GOOD),
        (f"00-{TRACE}-{SPAN}-00", f"00-{TRACE}-{SPAN}-00"),
        (f"01-{TRACE}-{SPAN}-01-what-later-versions-say", GOOD),
        (f"00-{TRACE}-{SPAN}-01-more", ""),
        (f"ff-{TRACE}-{SPAN}-01", ""),
        (f"00-{'0' * 32}-{SPAN}-01", ""),
        (f"00-{TRACE}-{'0' * 16}-01", ""),
        (f"00-{TRACE.upper()}-{SPAN}-01", ""),
        (f"{GOOD}\n", ""),
        ("", ""),
        ("no traceparent", ""),
    ],
)
def test_what_is_no_traceparent_is_ignored(text: str, read: str) -> None:
    assert read_traceparent(text) == read


@pytest.mark.parametrize(
    ("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("03", True), ("ff", True)]
)
def test_the_last_bit_says_whether_it_is_sampled(flags: str, sampled: bool) -> None:
    assert is_sampled(f"00-{TRACE}-{SPAN}-{flags}") is sampled


def test_without_a_trace_nothing_is_sampled() -> None:
    assert not is_sampled("")
    assert (trace_id(GOOD), trace_id("")) == (TRACE, "")

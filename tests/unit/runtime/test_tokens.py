"""Tokens and cursors are opaque, and nobody else can make them."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofold.errors import BadCursor, BadToken, ForeignToken, FutureToken
from twofold.runtime.tokens import Tokens

TOKENS = Tokens("epoch-1", b"k" * 32)
ELSEWHERE = Tokens("epoch-2", b"k" * 32)
STRANGERS = Tokens("epoch-1", b"x" * 32)


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_a_token_names_its_position(position: int) -> None:
    token = TOKENS.token(position)
    assert TOKENS.position(token, head=position) == position
    assert token.replace("-", "").replace("_", "").isalnum()


def test_a_token_beyond_the_log_is_from_the_future() -> None:
    with pytest.raises(FutureToken, match="names position 8, this log ends at 7"):
        TOKENS.position(TOKENS.token(8), head=7)


def test_a_token_of_another_log_is_foreign() -> None:
    with pytest.raises(ForeignToken):
        TOKENS.position(ELSEWHERE.token(1), head=9)


def test_tokens_of_several_logs_merge_and_are_compared_each_with_its_own() -> None:
    merged = TOKENS.merged(TOKENS.token(5), ELSEWHERE.token(900))
    merged = TOKENS.merged(merged, TOKENS.token(3))
    assert TOKENS.position(merged, head=10) == 5
    assert ELSEWHERE.position(merged, head=900) == 900
    kept = TOKENS.token(6, {"epoch-2": 900})
    assert (TOKENS.position(kept, 10), ELSEWHERE.position(kept, 900)) == (6, 900)


def test_a_token_signed_by_another_key_is_refused() -> None:
    with pytest.raises(BadToken, match="not issued by this system"):
        TOKENS.position(STRANGERS.token(1), head=9)


@pytest.mark.parametrize("junk", ["", "x", "~~~~", "ä", "A" * 500, "AAAA AAAA", "\n", "=", "\x00"])
def test_junk_is_refused_as_such(junk: str) -> None:
    with pytest.raises(BadToken):
        TOKENS.position(junk, head=9)
    with pytest.raises(BadCursor):
        TOKENS.cursor_content(junk, int)


@given(st.integers(min_value=0, max_value=400), st.integers(min_value=1, max_value=255))
def test_no_bit_of_a_token_can_be_changed(index: int, change: int) -> None:
    token = TOKENS.token(12345)
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    raw[index % len(raw)] ^= change
    forged = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    with pytest.raises(BadToken):
        TOKENS.position(forged, head=2**62)


@pytest.mark.parametrize("added", ["!", "\n", " ", "A", "%"])
def test_nothing_can_be_added_to_a_token(added: str) -> None:
    with pytest.raises(BadToken):
        TOKENS.position(TOKENS.token(1) + added, head=9)


def test_a_cursor_is_no_token_and_a_token_no_cursor() -> None:
    with pytest.raises(BadToken):
        TOKENS.position(TOKENS.cursor({"epoch-1": 1}), head=9)
    with pytest.raises(BadCursor):
        TOKENS.cursor_content(TOKENS.token(1), dict[str, int])


def test_a_cursor_of_another_form_is_refused() -> None:
    with pytest.raises(BadCursor, match="another form"):
        TOKENS.cursor_content(TOKENS.cursor("text"), int)
    assert TOKENS.cursor_content(TOKENS.cursor([1, "a"]), tuple[int, str]) == (1, "a")

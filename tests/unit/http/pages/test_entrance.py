"""Signing in leads on, but never away."""

from __future__ import annotations

import pytest

from twofold.http.pages.entrance import local


@pytest.mark.parametrize("address", ["/orders?status=paid", "/", "/offers/1"])
def test_an_address_of_ours_is_gone_to(address: str) -> None:
    assert local(address) == address


@pytest.mark.parametrize(
    "address",
    ["", "https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example", "orders"],
)
def test_an_address_elsewhere_becomes_the_beginning(address: str) -> None:
    assert local(address) == "/"

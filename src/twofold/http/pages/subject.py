"""What pages are about."""

from __future__ import annotations

from urllib.parse import quote

import msgspec


class Subject(msgspec.Struct, frozen=True):
    """A kind of thing that pages show: "order".

    ``key`` is the field that tells one from another, ``address`` where the pages are: its list, and
    below it one of them. ``query`` is the route that answers one ("" = one has no page), ``owner``
    the field that says whose it is ("" = nobody's).
    """

    kind: str
    key: str
    address: str
    query: str = ""
    owner: str = ""

    @property
    def one(self) -> str:
        """The address of one, with its key as a parameter."""
        return f"{self.address}/{{{self.key}}}"

    def where(self, identity: str) -> str:
        """Where one is looked at."""
        return f"{self.address}/{quote(identity, safe='')}" if self.query else self.address

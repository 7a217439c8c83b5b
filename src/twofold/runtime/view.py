"""What operators are shown, over HTTP, on pages and on the command line."""

from __future__ import annotations

import msgspec


class View(msgspec.Struct, frozen=True, rename="camel"):
    """Something shown."""

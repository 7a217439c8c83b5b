"""Totals and facets that need no second count, because nothing was applied in between."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import msgspec

from twofold.ports.read_store import FacetCount, Select

_LIMIT = 1_000


class Counts(msgspec.Struct, frozen=True):
    """What a list says beside its documents."""

    total: int | None
    facets: Mapping[str, Sequence[FacetCount]]


class Counted:
    """Counts of the lists asked for most recently.

    Rows change together with their checkpoint alone, so counts hold as long as its state does.
    Ask and tell only with a state (its position and parts) read in the snapshot that was counted.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[object, tuple[str, Counts]] = OrderedDict()

    def at(self, table: str, select: Select, state: str | None) -> Counts | None:
        """The counts as of ``state``, if they are known."""
        known = self._kept.get(_key(table, select))
        return known[1] if known is not None and known[0] == state else None

    def keep(self, table: str, select: Select, state: str | None, counts: Counts) -> None:
        """Remember ``counts``; of a table without a checkpoint nothing can be known later."""
        if state is None:
            return
        key = _key(table, select)
        # Reader threads come here too: each of these steps is whole in itself.
        self._kept.pop(key, None)
        self._kept[key] = (state, counts)
        if len(self._kept) > _LIMIT:
            self._kept.popitem(last=False)


def _key(table: str, select: Select) -> object:
    return table, select.where, select.text, select.total, select.facets

"""Which documents an event concerns, and in which events a document may be concerned."""

from __future__ import annotations

import msgspec

from twofold.domain.projection import Fold
from twofold.messages.recorded import Recorded, stream_name
from twofold.messages.value import Event
from twofold.wiring.event_types import EventTypes
from twofold.wiring.foldings import Folding


class Concerned(msgspec.Struct, frozen=True):
    """Keys that an event names, and fields (with a value) by which it looks for more documents."""

    keys: tuple[str, ...]
    searched: tuple[tuple[str, str], ...]


class Places(msgspec.Struct, frozen=True):
    """Where events of one document are: streams that bear its name, and other types of events.

    Of those, ``searching`` look for documents by a field: only folding tells whether they find it.
    """

    streams: tuple[str, ...]
    types: frozenset[str]
    searching: frozenset[str]


def concerned(folding: Folding, recorded: Recorded, event: Event) -> Concerned:
    """The documents that ``event`` concerns. Raises what the application's code raises."""
    keys = dict[str, None]()
    searched = dict[tuple[str, str], None]()
    for fold in folding.folds.get(recorded.type, ()):
        if fold.each is not None:
            keys |= dict.fromkeys(key for key, _ in fold.each(event, recorded))
        elif fold.equals is not None:
            value = fold.equals(event, recorded)
            if value is not None:
                searched[fold.where, str(value)] = None
        else:
            key = fold.key(event, recorded) if fold.key is not None else recorded.stream_id
            keys[key] = None
    return Concerned(tuple(keys), tuple(searched))


def places(folding: Folding, types: EventTypes, key: str) -> Places:
    """Where to look for the events of the document ``key``."""
    streams, others, searching = dict[str, None](), set[str](), set[str]()
    for name, folds in folding.folds.items():
        if any(_by_stream(fold) for fold in folds):
            streams[stream_name(types.by_name[name].category, key)] = None
        if not all(_by_stream(fold) for fold in folds):
            others.add(name)
        if any(fold.where for fold in folds):
            searching.add(name)
    return Places(tuple(streams), frozenset(others), frozenset(searching))


def _by_stream(fold: Fold) -> bool:
    return fold.key is None and fold.each is None and not fold.where

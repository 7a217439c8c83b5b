"""What read models should be: every event folded by itself, from zero, into a dict.

Deliberately naive, and nothing but the folds themselves is shared with the runtime.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from twofold import System
from twofold.domain.projection import Fold
from twofold.messages.recorded import Recorded
from twofold.wiring.foldings import Folding

Documents = dict[str, Any]


async def expected(system: System) -> Mapping[str, Mapping[str, bytes]]:
    """The documents of each projection by key, as the log has them."""
    events = [(one, system.wired.events.decode(one)) for one in await system.log.read(0, 100_000)]
    return {
        name: _encoded(_folded(folding, events)) for name, folding in system.wired.foldings.items()
    }


async def actual(system: System) -> Mapping[str, Mapping[str, bytes]]:
    """The documents of each projection by key, as the read store has them."""
    found = {}
    for name in system.wired.foldings:
        rows = await system.read_store.rows(system.tables[name], None, 100_000)
        found[name] = {row.key: row.document for row in rows}
    return found


def _folded(folding: Folding, events: list[tuple[Recorded, Any]]) -> Documents:
    documents: Documents = {}
    for recorded, event in events:
        for fold in folding.folds.get(recorded.type, ()):
            for key, subject in list(_targets(fold, documents, recorded, event)):
                others = _others(fold, documents, recorded, subject)
                after = fold.function(documents.pop(key, None), subject, *others)
                if after is not None:
                    documents[key] = after
    return documents


def _targets(
    fold: Fold, documents: Documents, recorded: Recorded, event: Any
) -> Iterator[tuple[str, Any]]:
    if fold.each is not None:
        yield from fold.each(event, recorded)
    elif fold.where:
        assert fold.equals is not None
        wanted = fold.equals(event, recorded)
        for key, document in documents.items():
            if getattr(document, fold.where) == wanted:
                yield key, event
    else:
        yield (fold.key(event, recorded) if fold.key else recorded.stream_id), event


def _others(
    fold: Fold, documents: Documents, recorded: Recorded, subject: Any
) -> list[Recorded | Any]:
    known = {"meta": recorded}
    if fold.beside is not None:
        known["beside"] = documents.get(fold.beside(subject, recorded))
    return [known[want] for want in fold.wants]


def _encoded(documents: Documents) -> Mapping[str, bytes]:
    encode = msgspec.json.Encoder(decimal_format="string").encode
    return {key: encode(document) for key, document in documents.items()}

"""Numbered SQL files: what they are, and whether a database fits them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files

import msgspec

from twofold.errors import StoreUnavailable

_CONCURRENT = re.compile(
    r"^create (?:unique )?index concurrently (\w+) on ((\w+)\.\w+)", re.MULTILINE
)


class Migration(msgspec.Struct, frozen=True):
    """One file: ``NN_what.sql``.

    A file whose one statement is ``create index concurrently NAME on SCHEMA.TABLE …`` is carried
    out beside those who write to the table, which is not possible in a transaction.
    """

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """Tells a changed file from the one that was applied. How an index was built makes it no
        other index."""
        return hashlib.sha256(self.within_transaction.encode()).hexdigest()

    @property
    def within_transaction(self) -> str:
        """The same, holding up writers."""
        return self.sql.replace(" concurrently ", " ")

    @property
    def index(self) -> str:
        """The index that it builds beside writers, with its schema; "" for anything else."""
        found = _CONCURRENT.search(self.sql)
        return f"{found[3]}.{found[1]}" if found else ""

    @property
    def indexed(self) -> str:
        """The table of ``index``, with its schema."""
        found = _CONCURRENT.search(self.sql)
        return found[2] if found else ""


def migrations(package: str) -> Sequence[Migration]:
    """The migrations in ``package``, in order."""
    folder = files(package).joinpath("migrations")
    found = [file for file in folder.iterdir() if file.name.endswith(".sql")]
    return [Migration(f.name, f.read_text("utf-8")) for f in sorted(found, key=lambda f: f.name)]


@contextmanager
def applying(store: str, migration: Migration) -> Iterator[None]:
    """The block applies ``migration``, all or nothing. Raises StoreUnavailable if it can't."""
    try:
        yield
    except Exception as exc:
        why = f"{migration.name} failed: {exc}; nothing of it was applied"
        raise StoreUnavailable(store, why) from exc


def missing(
    store: str, known: Sequence[Migration], applied: Mapping[str, str]
) -> Sequence[Migration]:
    """Those of ``known`` that are not ``applied`` (name → checksum).

    Raises StoreUnavailable for a database made by newer code or by other files of the same name.
    """
    names = {migration.name for migration in known}
    newer = sorted(applied.keys() - names)
    if newer:
        raise StoreUnavailable(
            store, f"its schema has {', '.join(newer)}, which this version does not know; upgrade"
        )
    for migration in known:
        if applied.get(migration.name, migration.checksum) != migration.checksum:
            raise StoreUnavailable(
                store, f"{migration.name} was applied with other content than this version has"
            )
    return [migration for migration in known if migration.name not in applied]

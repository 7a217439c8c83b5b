"""Numbered SQL files: what they are, and whether a database fits them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files

import msgspec

from twofold.errors import StoreUnavailable


class Migration(msgspec.Struct, frozen=True):
    """One file: ``NN_what.sql``."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """Tells a changed file from the one that was applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations(package: str) -> Sequence[Migration]:
    """The migrations in ``package``, in order."""
    folder = files(package).joinpath("migrations")
    found = [file for file in folder.iterdir() if file.name.endswith(".sql")]
    return [Migration(f.name, f.read_text("utf-8")) for f in sorted(found, key=lambda f: f.name)]


@contextmanager
def applying(store: str, migration: Migration) -> Iterator[None]:
    """The block applies ``migration`` in a transaction. Raises StoreUnavailable if it can't."""
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

"""Reading files that may be gzipped, damaged or something else."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from twofold import InvalidInput


@contextmanager
def opened(file: Path) -> Iterator[IO[str]]:
    """The file as text. Raises InvalidInput, also while it is read, if it is no such file."""
    try:
        with file.open("rb") as plain:
            zipped = plain.read(2) == b"\x1f\x8b"
        reader = gzip.open if zipped else open
        with reader(file, "rt", encoding="utf-8-sig", newline="") as text:
            yield cast(IO[str], text)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error) as exc:
        raise InvalidInput(f"{file} can't be read to its end: {exc}") from exc

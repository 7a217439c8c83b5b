"""The load generator for machines without ``wrk``.

``python -m benchmarks.load_generator URL FILE CONNECTIONS SECONDS HEADERS``: each connection asks
for the paths in FILE in turn and for the next one as soon as it has its answer.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

_HEAD_ENDS = b"\r\n\r\n"
_LENGTH = b"content-length:"


class Answers:
    """Cuts what a server sends into answers; gives the status of each that is complete."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> Iterator[int]:
        """Statuses of the answers that ``data`` completes. Raises ValueError without a length."""
        self._pending += data
        while (end := self._end()) is not None:
            yield int(self._pending[9:12])
            self._pending = self._pending[end:]

    def _end(self) -> int | None:
        head_end = self._pending.find(_HEAD_ENDS)
        if head_end < 0:
            return None
        end = head_end + len(_HEAD_ENDS) + _body_length(self._pending[:head_end].lower())
        return end if len(self._pending) >= end else None


def _body_length(head: bytes) -> int:
    start = head.find(_LENGTH)
    if start < 0:
        raise ValueError("the answer has no Content-Length, so its end can't be told")
    return int(head[start + len(_LENGTH) :].split(b"\r\n", 1)[0])


class Connection(asyncio.Protocol):
    """One client: asks, waits, and asks again until the load ends."""

    def __init__(self, ask: Callable[[], bytes], seen: Seen) -> None:
        self._ask = ask
        self._seen = seen
        self._answers = Answers()
        self._transport: asyncio.Transport | None = None
        self._asked_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        for status in self._answers.feed(data):
            self._seen.latencies.append(time.perf_counter() - self._asked_at)
            self._seen.failed += status >= 400
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self._seen.failed += not self._seen.over

    def _send(self) -> None:
        assert self._transport is not None
        self._asked_at = time.perf_counter()
        self._transport.write(self._ask())

    def close(self) -> None:
        """Ask no more."""
        assert self._transport is not None
        self._transport.abort()


class Seen:
    """What all connections saw together."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.failed = 0
        self.over = False

    def summary(self, seconds: float) -> dict[str, float]:
        """In the shape that the other generator prints as well."""
        ordered = sorted(self.latencies)
        return {
            "requests": len(ordered),
            "seconds": seconds,
            "failed": self.failed,
            "p50_ms": percentile(ordered, 0.50) * 1e3,
            "p95_ms": percentile(ordered, 0.95) * 1e3,
            "p99_ms": percentile(ordered, 0.99) * 1e3,
        }


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that ``share`` of the ordered values do not exceed; 0 if there are none."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def request(host: str, path: str, headers: Mapping[str, str]) -> bytes:
    """The bytes of one GET request."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def generate(
    url: str, paths: Sequence[str], connections: int, seconds: float, headers: Mapping[str, str]
) -> dict[str, float]:
    """Keep every connection busy for ``seconds``."""
    parts = urlsplit(url)
    requests = cycle([request(parts.netloc, path, headers) for path in paths])
    seen = Seen()
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    opened = [
        await loop.create_connection(
            lambda: Connection(requests.__next__, seen), parts.hostname or "", parts.port or 80
        )
        for _ in range(connections)
    ]
    await asyncio.sleep(seconds)
    seen.over = True
    took = time.perf_counter() - started
    for _, connection in opened:
        connection.close()
    return seen.summary(took)


def main(arguments: Sequence[str]) -> None:
    """Print the summary as JSON."""
    url, file, connections, seconds, headers = arguments
    paths = Path(file).read_text().splitlines()
    load = generate(url, paths, int(connections), float(seconds), json.loads(headers))
    print(json.dumps(asyncio.run(load)))


if __name__ == "__main__":
    main(sys.argv[1:])

"""Roles of the benchmarks' application in a process of their own, until its input ends."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from benchmarks.workload import on_fast_loop, system


class Process:
    """One that works beside; ``said`` is what it has printed, once it has ended."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.said = ""


@contextmanager
def working(address: str, roles: frozenset[str], given: Mapping[str, str]) -> Iterator[int]:
    """The process id of one that does ``roles``; it is up when the block begins."""
    told = json.dumps({"address": address, "roles": sorted(roles), "given": dict(given)})
    with beside("benchmarks.worker", told) as process:
        yield process.pid


@contextmanager
def beside(module: str, argument: str) -> Iterator[Process]:
    """A program of the benchmarks that says "up", and works until its input ends."""
    command = [sys.executable, "-m", module, argument]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        while (line := process.stdout.readline()) != "up\n":
            if not line:
                raise RuntimeError(f"{module} did not start")
        found = Process(process.pid)
        try:
            yield found
        finally:
            process.stdin.close()
            found.said = process.stdout.read()


async def work(address: str, roles: frozenset[str], given: Mapping[str, str]) -> None:
    """Work until nobody listens any more."""
    async with system(address, "async", roles, given):
        print("up", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    said = json.loads(sys.argv[1])
    on_fast_loop(lambda: work(said["address"], frozenset(said["roles"]), said["given"]))

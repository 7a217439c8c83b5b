"""A server of MongoDB's protocol (MongoDB itself can't be had from the package registries)."""

from __future__ import annotations

import signal
from importlib.resources import as_file, files
from pathlib import Path

from twofold.ops.services.launching import launched, says
from twofold.ops.services.maven import SERVING, jars
from twofold.ops.services.processes import end
from twofold.ops.services.service import Running

_JARS = (
    "de.bwaldvogel:mongo-java-server:1.47.0",
    "de.bwaldvogel:mongo-java-server-h2-backend:1.47.0",
    "org.slf4j:slf4j-nop:2.0.16",
)
_START_SECONDS = 40.0
# OP_MSG (2013), request id 7, one section of kind 0: {ping: 1, $db: "admin"}.
_DOCUMENT = b"\x10ping\x00\x01\x00\x00\x00\x02$db\x00\x06\x00\x00\x00admin\x00\x00"
_SIZE = len(_DOCUMENT) + 4
_PING = (
    (_SIZE + 21).to_bytes(4, "little")
    + (7).to_bytes(4, "little")
    + bytes(4)
    + (2013).to_bytes(4, "little")
    + bytes(5)
    + _SIZE.to_bytes(4, "little")
    + _DOCUMENT
)


class MongoDb:
    """Without passwords, loopback only.

    It keeps data through a clean end; killed, it loses what it acknowledged last. So it proves
    nothing about durability: name a real MongoDB in the environment for that.
    """

    name = "mongodb"
    address_variable = "TWOFOLD_TEST_MONGODB"

    def start(self, folder: Path, port: int) -> Running:
        """Start. Raises ServiceProblem."""
        classes = f"{jars('mongodb', *_JARS)}/*"
        folder.mkdir(parents=True, exist_ok=True)
        with as_file(files(__package__) / "java" / "MongoServerMain.java") as source:
            command = ["java", *SERVING, "-cp", classes, str(source)]
            return launched(
                self,
                [*command, str(folder / "data"), str(port)],
                folder,
                f"mongodb://127.0.0.1:{port}",
                seconds=_START_SECONDS,
            )

    def stop(self, running: Running) -> None:
        """A clean end."""
        end(running, [(signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0)])

    def ready(self, address: str) -> bool:
        """Whether it answers a ping."""
        return says(address, _PING, b"ok")

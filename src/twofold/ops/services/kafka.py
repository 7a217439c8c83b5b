"""Kafka: one broker that is its own controller (KRaft), from its published jars."""

from __future__ import annotations

import base64
import signal
import uuid
from pathlib import Path

from twofold.ops.services.launching import launched, says
from twofold.ops.services.maven import SERVING, jars
from twofold.ops.services.processes import end, free_port, run
from twofold.ops.services.service import Running

_JARS = ("org.apache.kafka:kafka_2.13:4.1.0", "org.slf4j:slf4j-nop:1.7.36")
_START_SECONDS = 120.0
# For a program that ends before compiling it would pay.
_BRIEFLY = ("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
# ApiVersions (key 18, version 0) with correlation id 7 and no client id; the answer repeats the 7.
_REQUEST = b"\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x07\xff\xff"
_ANSWER = b"\x00\x00\x00\x07\x00\x00"
_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
auto.create.topics.enable=false
"""


FURTHER = "further.properties"


class Kafka:
    """A broker without passwords, loopback only. Topics are made by whoever needs them.

    Lines of a file ``further.properties`` in its folder are added and win over ours.
    """

    name = "kafka"
    address_variable = "TWOFOLD_TEST_KAFKA"

    def start(self, folder: Path, port: int) -> Running:
        """Format the storage (the first time) and start. Raises ServiceProblem."""
        programs = ["-cp", f"{jars('kafka', *_JARS)}/*"]
        folder.mkdir(parents=True, exist_ok=True)
        data, properties = folder / "data", folder / "server.properties"
        lines = _PROPERTIES + (
            (folder / FURTHER).read_text() if (folder / FURTHER).exists() else ""
        )
        properties.write_text(lines.format(controller=free_port(), port=port, data=data).lstrip())
        if not (data / "meta.properties").exists():
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            java = ["java", *_BRIEFLY, *programs]
            tool = [*java, "kafka.tools.StorageTool", "format", "-t", cluster]
            run([*tool, "-c", str(properties)], what="formatting Kafka's storage")
        command = ["java", *SERVING, *programs, "kafka.Kafka", str(properties)]
        return launched(self, command, folder, f"kafka://127.0.0.1:{port}", seconds=_START_SECONDS)

    def stop(self, running: Running) -> None:
        """A controlled shutdown."""
        end(running, [(signal.SIGTERM, 30.0), (signal.SIGKILL, 5.0)])

    def ready(self, address: str) -> bool:
        """Whether it tells which requests it knows."""
        return says(address, _REQUEST, _ANSWER)

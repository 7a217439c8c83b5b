"""Programs for Java, from the Maven repository into a folder of this user's cache."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from twofold.ops.services.processes import run
from twofold.ops.services.service import ServiceProblem

_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>twofold</groupId>
  <artifactId>services</artifactId>
  <version>1</version>
  <dependencies>{dependencies}</dependencies>
</project>
"""
_DEPENDENCY = (
    "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
)

SERVING = ("-Xmx512m", "-XX:TieredStopAtLevel=1")
"""How Java runs a server here. Its better compiler takes half a core for minutes before that pays,
which is longer than most of these servers live: without it Kafka took 20 ms instead of 45 to pass
events on, and 36,000 of them a second instead of 23,000, on two cores.
"""


def jars(name: str, *artifacts: str) -> Path:
    """The folder with ``artifacts`` (group:artifact:version) and all that they need.

    They are fetched once. Raises ServiceProblem.
    """
    for program, package in (("java", "default-jre-headless"), ("mvn", "maven")):
        if shutil.which(program) is None:
            raise ServiceProblem(f"{name} needs {program}: apt-get install {package}")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "twofold"
    home = cache / f"{name}-{artifacts[0].rpartition(':')[2]}"
    if not home.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            _fetch(Path(folder), artifacts)
            # Whole or not at all: a download that broke off is done again.
            if not home.exists():
                (Path(folder) / "jars").rename(home)
    return home


def _fetch(folder: Path, artifacts: tuple[str, ...]) -> None:
    dependencies = "".join(_DEPENDENCY.format(*artifact.split(":")) for artifact in artifacts)
    (folder / "pom.xml").write_text(_POM.format(dependencies=dependencies))
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime"]
    where = ["-f", str(folder / "pom.xml"), f"-DoutputDirectory={folder / 'jars'}"]
    run(["mvn", "-q", "-B", *where, *goal], what="fetching with Maven")

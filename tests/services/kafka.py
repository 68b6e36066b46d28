"""A real Apache Kafka for tests: one node, KRaft, in a temporary directory, on free ports.

``python -m tests.services.kafka`` fetches the jars from Maven Central and prepares them; tests start
the broker themselves. What was tried, and why it is as it is: README.md beside this file.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

POM = Path(__file__).with_name("kafka-pom.xml")
VERSION = "4.1.1"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "icustomer-services"
HOME = CACHE / f"kafka-{VERSION}"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
CLUSTER = "aWN1c3RvbWVyLXRlc3RzLg"
HEAP = "-Xmx384m"
# One thread collects garbage and code is compiled once: a test broker lives for a minute.
LEAN = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
quiet = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
"""Marks for modules whose broker dies: kafka-python leaves sockets open that found none."""
PATIENCE = 60.0
"""Seconds until a broker must have started."""
PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={directory}/data
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=200
log.initial.task.delay.ms=500
log.retention.check.interval.ms=500
log.segment.delete.delay.ms=100
num.network.threads=2
num.io.threads=2
background.threads=2
controlled.shutdown.enable=false
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=500
"""
LOGGING = """
rootLogger.level = WARN
rootLogger.appenderRef.out.ref = OUT
appender.out.type = Console
appender.out.name = OUT
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{HH:mm:ss.SSS} %p %c{1}: %m%n
"""


class Missing(Exception):
    """What a broker needs is not on this machine; the message says what."""


def prepare() -> Path:
    """Fetch the jars, format a data directory to copy, and store the loaded classes; only once.

    Raises:
        Missing: Java or Maven is absent, or the jars cannot be fetched.
    """
    if shutil.which("java") is None:
        raise Missing("java is not installed (Debian: openjdk-17-jre-headless)")
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (HOME / "ready").exists():
            return HOME
        if shutil.which("mvn") is None:
            raise Missing("mvn is not installed (Debian: maven)")
        draft = CACHE / f"kafka-{VERSION}.draft"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(HOME, ignore_errors=True)
        draft.mkdir()
        _run("mvn", "-B", "-q", "-f", str(POM), COPY, "-DincludeScope=runtime",
             f"-DoutputDirectory={draft / 'lib'}")  # fmt: skip
        (draft / "log4j2.properties").write_text(LOGGING)
        config = draft / "format.properties"
        config.write_text(PROPERTIES.format(port=9092, controller=9093, directory=draft))
        _run("java", *LEAN, "-cp", f"{draft}/lib/*", "kafka.tools.StorageTool", "format",
             "-t", CLUSTER, "-c", str(config))  # fmt: skip
        draft.rename(HOME)
        _store_classes()
        (HOME / "ready").touch()
    return HOME


class Broker:
    """One Kafka node that can be killed, stopped, paused and started again on the same data."""

    def __init__(self, *java: str) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="icustomer-kafka-"))
        shutil.copytree(HOME / "data", self._directory / "data")
        self._java = java or (f"-XX:SharedArchiveFile={HOME / 'classes.jsa'}", "-Xshare:auto")
        self.port, controller = _free_ports(2)
        self.servers = f"127.0.0.1:{self.port}"
        text = PROPERTIES.format(port=self.port, controller=controller, directory=self._directory)
        (self._directory / "server.properties").write_text(text)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.start_soon()
        self.wait()

    def start_soon(self) -> None:
        """Start it without waiting."""
        with (self._directory / "out.log").open("ab") as out:
            self._process = subprocess.Popen(
                ["java", HEAP, *LEAN, *self._java,
                 f"-Dlog4j2.configurationFile={HOME / 'log4j2.properties'}",
                 "-cp", f"{HOME}/lib/*", "kafka.Kafka",
                 str(self._directory / "server.properties")],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self._directory,
            )  # fmt: skip

    def wait(self) -> None:
        """Wait until it answers."""
        from kafka import KafkaAdminClient
        from kafka.errors import KafkaError

        assert self._process is not None
        deadline = time.monotonic() + PATIENCE
        while True:
            assert self._process.poll() is None, f"the broker ended:\n{self.said()}"
            assert time.monotonic() < deadline, f"the broker did not start:\n{self.said()}"
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                admin = KafkaAdminClient(bootstrap_servers=self.servers, bootstrap_timeout_ms=2_000)
                try:
                    if admin.describe_cluster()["brokers"]:
                        return
                finally:
                    admin.close()
            except (OSError, KafkaError):
                pass
            time.sleep(0.1)

    def kill(self) -> None:
        """End it as a power cut would end its process."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in good order."""
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """Let it answer nobody."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it answer again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def said(self) -> str:
        """Return the end of what it has written."""
        path = self._directory / "out.log"
        return path.read_text(errors="replace")[-3_000:] if path.exists() else ""

    def close(self) -> None:
        """End it and remove its data."""
        self.kill()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.send_signal(signal.SIGCONT)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    """A running broker; one at a time on this machine, so that tests in parallel do not crowd it."""
    try:
        prepare()
        import kafka  # noqa: F401
    except (Missing, ImportError) as error:
        if os.environ.get("ICUSTOMER_REQUIRE_SERVICES") == "1":
            raise
        pytest.skip(f"no Kafka here: {error}")
    # Captured errors would keep the sockets of failed attempts alive beyond all tests.
    logging.getLogger("kafka").setLevel(logging.CRITICAL + 1)
    with (CACHE / "kafka-running.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = Broker()
        try:
            made.start()
            yield made
        finally:
            made.close()
            with warnings.catch_warnings():
                # kafka-python does not close sockets that found no broker; here their time is over.
                warnings.simplefilter("ignore", ResourceWarning)
                gc.collect()


def _store_classes() -> None:
    """Let a broker run once and keep the classes it loaded: later ones start in a third of the time."""
    broker = Broker(f"-XX:ArchiveClassesAtExit={HOME / 'classes.jsa'}")
    try:
        broker.start()
        broker.stop()
    finally:
        broker.close()


def _run(*command: str) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise Missing(f"{' '.join(command[:4])} … failed:\n{ended.stdout}{ended.stderr}"[-2_000:])


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in opened]


if __name__ == "__main__":
    try:
        sys.stdout.write(f"Kafka {VERSION} is ready in {prepare()}\n")
    except Missing as error:
        sys.exit(f"Kafka cannot be prepared: {error}")

from pathlib import Path

from cii.ports import TRANSPORTS, Transport
from cii.testing import TransportContract


class TestSqliteLog(TransportContract):
    def open(self, directory: Path) -> Transport:
        return TRANSPORTS.load("sqlite")(directory / "log.sqlite")

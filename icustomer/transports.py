"""Opening the log: each transport is given what it needs of the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cii.ports import TRANSPORTS, Transport
from icustomer.settings import Settings


def open_log(settings: Settings, data: Path) -> Transport:
    """Open the log that the settings choose.

    Raises:
        NotFound: there is no such transport.
        Unavailable: its package is not installed, or its servers do not answer.
    """
    needs: dict[str, dict[str, Any]] = {
        "postgres": {"url": settings.database_url},
        "kafka": {
            "servers": settings.kafka_servers,
            "prefix": settings.kafka_prefix,
            "replication": settings.kafka_replication,
            "security": settings.kafka_security,
            "mechanism": settings.kafka_mechanism,
            "user": settings.kafka_user,
            "password": settings.kafka_password.get_secret_value(),
            "ca_file": settings.kafka_ca_file,
        },
    }
    make = TRANSPORTS.load(settings.transport)
    given = needs.get(settings.transport, {})
    return make(data / "log.sqlite", partitions=settings.partitions, **given)

"""Settings of an installation; every one can be given as an environment variable ``ICUSTOMER_…``."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from cid.kit.errors import Refused

Layer = Literal["cid", "cii", "cic", "cfa", "context"]
LOCAL = ("127.0.0.1", "localhost", "::1")


class Settings(BaseSettings):
    """What an installation decides; the defaults are safe on one's own machine."""

    model_config = SettingsConfigDict(env_prefix="ICUSTOMER_", extra="ignore")

    host: str = Field("127.0.0.1", description="Address the server listens on.")
    port: int = Field(
        8000, ge=0, le=65_535, description="Port the server listens on; 0 for any free one."
    )
    credentials: dict[str, SecretStr] = Field(
        default_factory=dict,
        description=(
            "Who may use pages and API when the server listens beyond this machine:"
            ' JSON such as {"ann": "a long password"}; names may carry a role: {"ann/analyst": "…"}.'
        ),
    )
    hosts: str = Field(
        "", description="Names under which the server is reached, separated by commas."
    )
    database_url: str = Field(
        "",
        repr=False,
        description=(
            "Database of the records, e.g. postgresql://name@host/database;"
            " a SQLite file in the company's directory where empty."
        ),
    )
    stores: dict[Layer, str] = Field(
        default_factory=dict,
        description=(
            "Which stores keep the records of a layer, by plugin name;"
            ' JSON such as {"cid": "sql"}; "sql" where not named.'
        ),
    )
    engine: str = Field("duckdb", description="Which engine answers questions about history.")
    scorer: str = Field("sklearn", description="Which scorer learns models.")
    transport: str = Field(
        "sqlite",
        description="Which transport keeps the log: sqlite, kafka, postgres or another plugin.",
    )
    kafka_servers: str = Field(
        "127.0.0.1:9092",
        description="Kafka brokers to ask first: host:port, separated by commas.",
    )
    kafka_prefix: str = Field(
        "icustomer.",
        description="What the names of Kafka topics and groups begin with; each company needs its own.",
    )
    kafka_replication: int = Field(
        -1,
        ge=-1,
        description="On how many brokers Kafka keeps each record; -1: as the cluster says.",
    )
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How Kafka is reached."
    )
    kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="How a user proves to Kafka who it is, where security is SASL."
    )
    kafka_user: str = Field("", description="The user's name at Kafka.")
    kafka_password: SecretStr = Field(SecretStr(""), description="The user's password at Kafka.")
    kafka_ca_file: str = Field(
        "", description="Certificate of the authority that Kafka's certificates come from."
    )
    turn_seconds: float = Field(
        10.0,
        ge=0.5,
        le=300,
        description=(
            "How long a process that applies records may be silent before another takes its turn,"
            " where several share a database."
        ),
    )
    partitions: int = Field(4, ge=1, le=256, description="Partitions of a new log.")
    lenient_keys: bool = Field(
        False,
        description="Take records with an unknown write key into quarantine instead of refusing them.",
    )
    request_limit: int = Field(
        9 << 20,
        gt=0,
        description="Largest collect request in bytes, before and after decompression.",
    )
    held_limit: int = Field(
        256 << 20,
        gt=0,
        description="Bytes of all collect requests taken in at one time; more are asked to come later.",
    )
    body_limit: int = Field(
        1 << 20, gt=0, description="Largest body of any other request in bytes."
    )
    request_seconds: float = Field(
        30.0, gt=0, description="Longest time that a request may take to arrive."
    )
    connections: int = Field(
        1_000, gt=0, description="Most connections at one time; more are answered with 503."
    )
    event_limit: int = Field(
        32 << 10, gt=0, le=4 << 20, description="Largest single event in bytes."
    )
    query_rows: int = Field(10_000, gt=0, description="Most rows that a query may return.")
    query_seconds: float = Field(10.0, gt=0, description="Longest time that a query may take.")
    query_memory: str = Field("1GB", description="Most memory that queries may take.")
    query_at_once: int = Field(
        0,
        ge=0,
        description=(
            "Queries that are answered at the same time; the others wait."
            " 0: as many as there are processors, two at least."
        ),
    )
    fold_batch: int = Field(
        1_000, ge=1, le=20_000, description="Records applied in one transaction."
    )
    kernel: str = Field(
        "auto",
        description=(
            "What keeps the live traits: pure, numba (extra fast) or another plugin;"
            " auto: numba where it is installed and there are a million records or more."
        ),
    )
    snapshot_minutes: float = Field(
        10.0,
        ge=0,
        description="How often a snapshot of the live traits is written while running; 0: never.",
    )
    snapshot_records: int = Field(
        200_000,
        ge=0,
        description="After how many records a snapshot is written while running; 0: never.",
    )
    tick_seconds: float = Field(
        1.0,
        gt=0,
        le=60,
        description="How often time passes at least on a quiet system; sooner when something is due.",
    )
    verify_hour: int = Field(
        3,
        ge=-1,
        le=23,
        description=(
            "Hour, in the company's time zone, at which a running server verifies all traits and"
            " segments every day; -1: never."
        ),
    )
    log_level: str = Field("WARNING", description="How much is logged.")

    @cached_property
    def local(self) -> bool:
        """Whether the server can be reached from this machine only."""
        return self.host in LOCAL

    def refuse_unsafe(self) -> None:
        """Refuse to listen beyond this machine without credentials.

        Raises:
            Refused: there are none, or a password is too short.
        """
        if self.local:
            return
        if not self.credentials:
            raise Refused(
                f"The server would listen on {self.host}, reachable from other machines, without credentials.",
                hint='Set ICUSTOMER_CREDENTIALS=\'{"name": "a long password"}\' or listen on 127.0.0.1.',
            )
        for name, password in self.credentials.items():
            if len(password.get_secret_value()) < 12:
                raise Refused(
                    f"The password of {name!r} is shorter than 12 characters.",
                    hint="Choose a longer one.",
                )


def records_url(settings: Settings, data: Path) -> str:
    """Return where the records are kept."""
    return settings.database_url or f"sqlite:///{data / 'records.sqlite'}"

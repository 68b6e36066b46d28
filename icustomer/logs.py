"""Where the programs' own remarks go: to standard error, a line each, never between the answers."""

from __future__ import annotations

import logging
import os
import sys

import structlog

LEVEL = "ICUSTOMER_LOG_LEVEL"


def log_to_stderr() -> None:
    """Write what is worth a remark to standard error, from the level of ICUSTOMER_LOG_LEVEL on.

    Standard output belongs to the answers: whoever reads JSON from there finds nothing else in it.
    """
    told = os.environ.get(LEVEL, "warning").upper()
    known = logging.getLevelNamesMapping()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(known.get(told, logging.WARNING)),
        # Asked anew for each remark: standard error may be another one by then.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )

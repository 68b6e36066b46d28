"""Integration over HTTP: the collect endpoints of existing clients, and our own questions."""

from cii.api.desk import router
from cii.api.wire import collect

__all__ = ["collect", "router"]

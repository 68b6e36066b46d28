"""A small company that exists only as the answers of its facades: for looking at pages."""

from __future__ import annotations

from typing import Any

from tests.pages.fakes.cbc import Cbc
from tests.pages.fakes.cfa import Cfa
from tests.pages.fakes.cic import Cic
from tests.pages.fakes.cid import Cid
from tests.pages.fakes.cii import Cii
from tests.pages.fakes.context import Context
from tests.pages.fakes.world import ANN, JONAS, NAMES, NOW, WANG, title

__all__ = ["ANN", "JONAS", "NAMES", "NOW", "WANG", "Company", "title"]


class Company:
    """All facades together, as ``request.state.company``."""

    def __init__(self) -> None:
        self.cid, self.cii, self.cic = Cid(), Cii(), Cic()
        self.cfa, self.context, self.cbc = Cfa(), Context(), Cbc()

    def summary(self) -> dict[str, Any]:
        return {"customers": 6312}

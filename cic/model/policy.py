"""Policies: who may read what of history, and what for."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from cid.kit.definitions import Definition, Feel, Section
from cid.kit.privacy import ROLES


class Policy(Definition):
    """What some roles may read of history, for some purposes; the first policy that fits decides.

    Whatever is asked, as a question or as SQL, is asked of that part of history and of nothing else.
    """

    roles: tuple[str, ...] = Field(min_length=1)
    purposes: tuple[str, ...] = Field(min_length=1)
    """What may be read for; who does not say reads for the first one."""
    customers: Feel = ""
    """Only customers for whom this is true: FEEL over their attributes, ``country = "FR"``."""
    consent: str = ""
    """Only customers who consent to this purpose, by any channel."""
    personal: Literal["show", "mask", "hide"] = "mask"
    """What becomes of columns that the catalogue calls personal or sensitive."""
    show: tuple[str, ...] = ()
    """Columns that are shown although they are personal."""
    hide: tuple[str, ...] = ()
    """Columns that do not exist for these roles."""
    views: tuple[str, ...] = ()
    """Only these views; all of them where empty."""

    @model_validator(mode="after")
    def _the_roles_exist(self) -> Policy:
        for role in self.roles:
            if role not in ROLES:
                raise ValueError(f"there is no role {role!r}; there are {', '.join(ROLES)}")
        return self


POLICIES = Section("policies", Policy)

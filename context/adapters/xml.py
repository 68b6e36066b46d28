"""Read XML of others safely: no document types, no entities, within limits of size and depth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from cid.kit.errors import InvalidInput

MAX_BYTES = 10 << 20
"""Largest document we read."""
MAX_DEPTH = 200
"""Deepest nesting of elements."""
MAX_ELEMENTS = 1_000_000
"""Most elements in a document."""


@dataclass
class Element:
    """An element: its name without the namespace's, its attributes, parts and text."""

    name: str
    namespace: str
    attributes: dict[str, str]
    line: int
    parts: list[Element] = field(default_factory=list)
    text: str = ""
    namespaces: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """Give an attribute, empty where there is none."""
        return self.attributes.get(name, "")

    def all(self, *names: str) -> Iterator[Element]:
        """Give the parts of these names."""
        return (part for part in self.parts if part.name in names)

    def one(self, *names: str) -> Element | None:
        """Give the first part of one of these names."""
        return next(self.all(*names), None)

    def text_of(self, name: str) -> str:
        """Give the text of a part, empty where there is none."""
        part = self.one(name)
        return part.text.strip() if part is not None else ""


def read_xml(data: bytes, what: str = "document", most: int = MAX_BYTES) -> Element:
    """Read a document.

    Raises:
        InvalidInput: it is not XML, has a document type or entities, or is too large or too deep.
    """
    if len(data) > most:
        raise InvalidInput(f"The {what} is larger than {most >> 20} MiB.")
    return _Reader(what).read(data)


class _Reader:
    def __init__(self, what: str) -> None:
        self._what = what
        self._open: list[Element] = []
        self._texts: list[list[str]] = []
        self._root: Element | None = None
        self._count = 0
        self._named: dict[str, str] = {}
        parser: Any = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._said
        parser.StartNamespaceDeclHandler = self._namespace
        parser.StartDoctypeDeclHandler = self._refused
        parser.EntityDeclHandler = self._refused
        parser.ExternalEntityRefHandler = self._refused
        self._parser = parser

    def read(self, data: bytes) -> Element:
        try:
            self._parser.Parse(data, True)
        except expat.ExpatError as error:
            problem = expat.ErrorString(error.code)
            raise InvalidInput(
                f"The {self._what} is not XML: {problem}, line {error.lineno}."
            ) from error
        except (ValueError, LookupError) as error:
            raise InvalidInput(f"The {self._what} is not XML: {error}.") from error
        if self._root is None:
            raise InvalidInput(f"The {self._what} is empty.")
        return self._root

    def _refused(self, *_: Any) -> None:
        raise InvalidInput(
            f"The {self._what} has a document type or entities, line "
            f"{self._parser.CurrentLineNumber}; these are not read, because they can be bombs."
        )

    def _namespace(self, prefix: str | None, uri: str | None) -> None:
        self._named[prefix or ""] = uri or ""

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        line = self._parser.CurrentLineNumber
        if len(self._open) >= MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise InvalidInput(f"The {self._what} is nested too deeply or too long, line {line}.")
        namespace, _, local = name.rpartition(" ")
        plain = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        element = Element(local, namespace, plain, line)
        if self._named:
            element.namespaces, self._named = self._named, {}
        if self._open:
            self._open[-1].parts.append(element)
        else:
            self._root = element
        self._open.append(element)
        self._texts.append([])

    def _end(self, name: str) -> None:
        element = self._open.pop()
        element.text = "".join(self._texts.pop())

    def _said(self, text: str) -> None:
        if self._texts:
            self._texts[-1].append(text)

"""Reception: the bytes of a collect request become a batch of events and the key it came with.

Clients of this protocol compress, mistake the content type and cut through emoji; each of them gets
a batch or a fault of the request, never a surprise.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from cid.kit.errors import ICustomerError
from cii.ports import CollectLimits

MEMBERS = 100
"""Parts that one gzip text may consist of; clients send one, each more costs a copy of the rest."""
BATCHES = frozenset({"batch", "b", "import"})
KINDS = {
    "identify": "identify",
    "i": "identify",
    "track": "track",
    "t": "track",
    "page": "page",
    "p": "page",
    "screen": "screen",
    "s": "screen",
    "group": "group",
    "g": "group",
    "alias": "alias",
    "a": "alias",
}
"""The type of event by the last word of the path; the one-letter words are the browser client's."""

# A pair of surrogates is a character; one alone is half of an emoji that somebody cut through.
_SURROGATES = re.compile(
    rb"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


class RequestFault(ICustomerError):
    """A whole request cannot be taken; ``code`` is the word that clients are given."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Batch:
    """The events of one request and what it says about all of them."""

    events: list[Any]
    context: Mapping[str, Any] = field(default_factory=dict)
    integrations: Mapping[str, Any] = field(default_factory=dict)
    sent_at: str | None = None
    write_key: str = ""


def read_body(raw: bytes, encoding: str, limits: CollectLimits) -> bytes:
    """Return a request's body as it was before compression.

    Raises:
        RequestFault: it is too large, broken, or compressed in a way we do not know.

    >>> read_body(zlib.compress(b"{}", wbits=31), "gzip", CollectLimits())
    b'{}'
    """
    if len(raw) > limits.request:
        raise too_large(limits.request)
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return raw
    if name not in ("gzip", "x-gzip"):
        raise RequestFault(
            400, "unsupported_encoding", f"Send gzip or plain JSON, not {name[:30]!r}."
        )
    parts: list[bytes] = []
    room = limits.inflated
    for _ in range(MEMBERS):
        stream = zlib.decompressobj(31)
        try:
            part = stream.decompress(raw, room + 1)
        except zlib.error:
            break
        if len(part) > room:
            raise too_large(limits.inflated)
        if not stream.eof:
            break
        parts.append(part)
        room -= len(part)
        raw = stream.unused_data.lstrip(b"\0")
        if not raw:
            return b"".join(parts)
    raise RequestFault(400, "invalid_gzip", "The body is not one whole gzip text.")


def too_large(limit: int) -> RequestFault:
    """Say that a request is larger than is taken."""
    return RequestFault(413, "request_too_large", f"A request may have {limit} bytes at most.")


def parse(body: bytes, limits: CollectLimits, *, batch: bool) -> Batch:
    """Read a body: a batch of events, or one event that stands for itself.

    Raises:
        RequestFault: it is not JSON, not an object, has no batch, or too many events.

    >>> parse(b'{"batch": [{"type": "track"}]}', CollectLimits(), batch=True).events
    [{'type': 'track'}]
    """
    content = _json(body)
    if type(content) is not dict:
        raise RequestFault(400, "not_an_object", "The body is JSON, but not an object.")
    key = content.get("writeKey")
    key = key if type(key) is str else ""
    if not batch:
        return Batch([content], write_key=key)
    events = content.get("batch")
    if type(events) is not list:
        raise RequestFault(400, "missing_batch", "The body has no list of events named 'batch'.")
    if len(events) > limits.events:
        raise RequestFault(
            413, "too_many_events", f"A batch may have {limits.events} events, not {len(events)}."
        )
    sent_at = content.get("sentAt")
    return Batch(
        events,
        _mapping(content.get("context")),
        _mapping(content.get("integrations")),
        sent_at if type(sent_at) is str else None,
        key,
    )


def write_keys(authorization: str, body: str, query: str, header: str) -> list[str]:
    """Return the write keys a request came with, in the order in which they count.

    The Basic user's name comes first, then the body's, the query's, and ``X-Write-Key``.

    Raises:
        RequestFault: the Basic authorization cannot be read.

    >>> write_keys("Basic d2ViOg==", "", "app", "k:secret")
    ['web', 'app', 'k:secret', 'k']
    """
    found = []
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            name = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[0]
        except ValueError:
            raise RequestFault(
                401, "invalid_authorization", "The Basic authorization cannot be read."
            ) from None
        found.append(name)
    found += [body, query, header]
    # Jitsu writes key:secret, and masks the secret in the body.
    found.append(header.partition(":")[0])
    return [key for key in dict.fromkeys(found) if key]


def _json(body: bytes) -> Any:
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        whole = _SURROGATES.sub(lambda match: match[1] or rb"\ufffd", body)
        if whole == body:
            raise RequestFault(400, "invalid_json", f"The body is not JSON: {error}.") from None
    try:
        return orjson.loads(whole)
    except orjson.JSONDecodeError as error:
        raise RequestFault(400, "invalid_json", f"The body is not JSON: {error}.") from None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if type(value) is dict else {}

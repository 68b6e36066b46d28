"""Names for things: stable where the same thing must get the same name again, unique where not."""

from __future__ import annotations

import uuid
from functools import lru_cache
from hashlib import blake2b
from struct import unpack_from

_TEN_BYTES = blake2b(digest_size=10)
"""A hash that has read nothing yet; to copy it is faster than to make one."""


def stable_id(prefix: str, *parts: object) -> str:
    """Name a thing after what it is made of: the same parts always give the same id.

    >>> stable_id("c", "email:ann@example.org")
    'c_88faab39543caa16db24'
    """
    text = str(parts[0]) if len(parts) == 1 else "\x1f".join(map(str, parts))
    name = _TEN_BYTES.copy()
    name.update(text.encode("utf-8", "surrogatepass"))
    return f"{prefix}_{name.hexdigest()}"


def content_hash(text: str) -> str:
    """Return the version of a definition: a short hash of its canonical text."""
    return blake2b(text.encode(), digest_size=6).hexdigest()


def new_id() -> str:
    """Return an id that nobody has had before."""
    return str(uuid.uuid4())


@lru_cache(maxsize=100_000)
def murmur2(data: bytes) -> int:
    """Hash a key as Kafka's default partitioner does (32 bits, sign removed).

    Source: org.apache.kafka.common.utils.Utils.murmur2.

    >>> murmur2(b"21"), murmur2(b"foobar")
    (1173551340, 1357151166)
    """
    m = 0x5BD1E995
    length = len(data)
    h = (0x9747B28C ^ length) & 0xFFFFFFFF
    whole = length >> 2
    for k in unpack_from(f"<{whole}I", data):
        k = k * m & 0xFFFFFFFF
        h = h * m & 0xFFFFFFFF ^ (k ^ k >> 24) * m & 0xFFFFFFFF
    rest = data[whole << 2 :]
    if rest:
        h ^= int.from_bytes(rest, "little")
        h = h * m & 0xFFFFFFFF
    h ^= h >> 13
    h = h * m & 0xFFFFFFFF
    h ^= h >> 15
    return h & 0x7FFFFFFF

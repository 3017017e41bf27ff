"""Uploaded pictures made fit to serve: checked by content, turned upright, without metadata, small, WebP.

Never trusted: the file's name, its claimed type, its claimed size. What is served is always an encoding of our
own, so nothing that hides in an upload (scripts, GPS positions, a second file) survives. The work is done in a process
of its own for each picture (`codec.py`): no file, whatever its format, costs more than `LIMITS`, and none meets
another's memory. Pillow is in no other process.
"""

import logging
from dataclasses import dataclass

import orjson

from eventhub.errors import Busy, Invalid
from eventhub.sandbox import Buffer, Crashed, Exhausted, Limits, Sandbox

MAX_BYTES = 10 * 1024 * 1024
# Two to three times what the largest pictures need that programs make.
LIMITS = Limits(cpu_seconds=2, memory_bytes=512 * 1024 * 1024, seconds=20.0)
PLACES = 32  # at work and in line

log = logging.getLogger("eventhub.images")
_codec = Sandbox("eventhub.gateways.images.codec", LIMITS, places=PLACES)


@dataclass(frozen=True)
class StoredImage:
    """A picture ready for a FileStorage."""

    data: bytes
    width: int
    height: int
    content_type: str = "image/webp"
    extension: str = "webp"


async def avatar(data: Buffer, field: str = "avatar") -> StoredImage:
    """Return the middle of the uploaded picture as a square of 512 pixels; Invalid names `field`."""
    return await _made("avatar", data, field)


async def cover(data: Buffer, field: str = "cover_image") -> StoredImage:
    """Return the uploaded picture at most 1600 pixels wide and high, never enlarged; Invalid names `field`."""
    return await _made("cover", data, field)


async def _made(shape: str, data: Buffer, field: str) -> StoredImage:
    if len(data) > MAX_BYTES:
        raise Invalid({field: [f"The file is larger than {MAX_BYTES // 1024**2} MiB."]})
    try:
        answer = await _codec.ask(f"{shape}\n".encode(), data)
    except Busy:
        raise Busy("Too many pictures are being processed at the moment.") from None
    except Exhausted:
        raise Invalid({field: [_TOO_COSTLY]}) from None
    except Crashed as error:
        log.warning("a picture brought its decoder down: %s", error)
        raise Invalid({field: [_TOO_COSTLY]}) from None
    head, _, encoded = answer.partition(b"\n")
    said = orjson.loads(head)
    if "refused" in said:
        raise Invalid({field: [said["refused"]]})
    return StoredImage(encoded, said["width"], said["height"])


_TOO_COSTLY = (
    "The picture takes too long to decode, or too much memory: save it anew in another program, or smaller."
)

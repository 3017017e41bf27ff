"""Uploaded pictures made fit to serve: checked by content, turned upright, without metadata, small, WebP.

Never trusted: the file's name, its claimed type, its claimed size. What is served is always an encoding of our
own, so nothing that hides in an upload (scripts, GPS positions, a second file) survives.
"""

import asyncio
import io
import struct
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageCms, ImageOps

from eventhub.errors import Invalid

MAX_BYTES = 10 * 1024 * 1024
# A decoded pixel takes up to 4 bytes: 160 MB at worst for each of the two threads.
MAX_PIXELS = 40_000_000
AVATAR_SIZE = (512, 512)
COVER_SIZE = (1600, 1600)  # the width; portrait covers stay within the same height
WEBP_QUALITY = 82
FORMATS = ("JPEG", "PNG", "WEBP")  # JPEG takes in MPO, which phones write: further pictures behind the first
THREADS = 2
# What Pillow's decoders raise on broken files, besides its own UnidentifiedImageError (an OSError).
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    IndexError,
    KeyError,
    OverflowError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


@dataclass(frozen=True)
class StoredImage:
    """A picture ready for a FileStorage."""

    data: bytes
    width: int
    height: int
    content_type: str = "image/webp"
    extension: str = "webp"


async def avatar(data: bytes, field: str = "avatar") -> StoredImage:
    """Return the middle of the uploaded picture as a square of 512 pixels; Invalid names `field`."""
    return await _in_thread(data, field, _cropped)


async def cover(data: bytes, field: str = "cover_image") -> StoredImage:
    """Return the uploaded picture at most 1600 pixels wide and high, never enlarged; Invalid names `field`."""
    return await _in_thread(data, field, _fitted)


async def _in_thread(data: bytes, field: str, shape: Callable[[Image.Image], Image.Image]) -> StoredImage:
    if len(data) > MAX_BYTES:
        raise Invalid({field: [f"The file is larger than {MAX_BYTES // 1024**2} MiB."]})
    return await asyncio.get_running_loop().run_in_executor(_pool(), _process, data, field, shape)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="images")


def _process(data: bytes, field: str, shape: Callable[[Image.Image], Image.Image]) -> StoredImage:
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            _check_size(opened, field)
            picture = shape(_plain(opened))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(field) from None
    except BROKEN:
        raise Invalid({field: ["Upload a picture that is a whole JPEG, PNG or WebP file."]}) from None
    encoded = io.BytesIO()
    picture.save(encoded, "WEBP", quality=WEBP_QUALITY, method=4)
    return StoredImage(encoded.getvalue(), picture.width, picture.height)


def _check_size(opened: Image.Image, field: str) -> None:
    """Refuse by the size in the header, before a single pixel is decoded."""
    if opened.width * opened.height > MAX_PIXELS:
        raise _too_many_pixels(field)


def _too_many_pixels(field: str) -> Invalid:
    return Invalid({field: [f"The picture has more than {MAX_PIXELS // 1_000_000} million pixels."]})


def _plain(opened: Image.Image) -> Image.Image:
    """Return the first frame upright, in sRGB, as RGB or RGBA with nothing attached."""
    opened.draft("RGB", (COVER_SIZE[0] * 2, COVER_SIZE[1] * 2))  # a large JPEG decodes at half size or less
    upright = _depth_of_8(ImageOps.exif_transpose(opened))
    has_alpha = upright.has_transparency_data
    coloured = _in_srgb(upright).convert("RGBA" if has_alpha else "RGB")
    bare = Image.new(coloured.mode, coloured.size)
    bare.paste(coloured)
    return bare


def _depth_of_8(image: Image.Image) -> Image.Image:
    """Return 16-bit greys as 8-bit ones; Pillow's own conversion would clip them to white."""
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value / 256).convert("L")
    return image


def _in_srgb(image: Image.Image) -> Image.Image:
    """Return `image` with its colour profile applied, since the profile goes with the other metadata."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in {"RGB", "RGBA", "CMYK", "L"}:
        return image
    target = image.mode if image.mode == "RGBA" else "RGB"
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, _srgb(), outputMode=target)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image  # a broken profile; the plain pixels are still the picture
    return converted or image


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _cropped(image: Image.Image) -> Image.Image:
    return ImageOps.fit(image, AVATAR_SIZE, Image.Resampling.LANCZOS)


def _fitted(image: Image.Image) -> Image.Image:
    image.thumbnail(COVER_SIZE, Image.Resampling.LANCZOS)
    return image

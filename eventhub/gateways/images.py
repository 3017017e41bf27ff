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

from PIL import Image, ImageCms, ImageOps, JpegImagePlugin, PngImagePlugin

from eventhub.errors import Invalid

MAX_BYTES = 10 * 1024 * 1024
MAX_SIDE = 10_000
# What decoding may take: with the file and the copies of the shrunk picture, a process needs about 140 MB more while
# it works on a picture, and works on one at a time (`THREADS`).
MAX_DECODING_BYTES = 120_000_000
# Measured with Pillow 13: WebP is decoded onto two canvases and copied twice. JPEG: see `_bytes_per_pixel`.
BYTES_PER_PIXEL = {"PNG": 4, "WEBP": 16}
BAND_PIXELS = 1_000_000
AVATAR_SIDE = 512
COVER_SIDE = 1600  # the width; portrait covers stay within the same height
WEBP_QUALITY = 82
FORMATS = ("JPEG", "PNG", "WEBP")  # JPEG takes in MPO, which phones write: further pictures behind the first
THREADS = 1
# What Pillow's decoders raise on broken files, besides its own UnidentifiedImageError (an OSError).
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    IndexError,
    KeyError,
    ArithmeticError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
# Pillow keeps what a PNG says in words, up to 64 MiB of it unpacked.
PngImagePlugin.MAX_TEXT_MEMORY = PngImagePlugin.MAX_TEXT_CHUNK


Size = tuple[int, int]
Shape = Callable[[Image.Image], tuple[Size, Image.Image]]


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


async def _in_thread(data: bytes, field: str, shape: Shape) -> StoredImage:
    if len(data) > MAX_BYTES:
        raise Invalid({field: [f"The file is larger than {MAX_BYTES // 1024**2} MiB."]})
    return await asyncio.get_running_loop().run_in_executor(_pool(), _process, data, field, shape)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="images")


def _process(data: bytes, field: str, shape: Shape) -> StoredImage:
    try:
        picture = _plain(_reduced(data, field, shape))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large(field, BYTES_PER_PIXEL["PNG"]) from None
    except BROKEN:
        raise Invalid({field: ["Upload a picture that is a whole JPEG, PNG or WebP file."]}) from None
    encoded = io.BytesIO()
    picture.save(encoded, "WEBP", quality=WEBP_QUALITY, method=4)
    return StoredImage(encoded.getvalue(), picture.width, picture.height)


def _reduced(data: bytes, field: str, shape: Shape) -> Image.Image:
    """Return the first frame in its final size; what was decoded in full is gone by then."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
        _check_size(opened, field)
        size, picture = shape(opened)
    del opened
    return picture.resize(size, Image.Resampling.LANCZOS)


def _check_size(opened: Image.Image, field: str) -> None:
    """Refuse by the size in the header, before a single pixel is decoded."""
    each = _bytes_per_pixel(opened)
    if max(opened.size) > MAX_SIDE or opened.width * opened.height * each > MAX_DECODING_BYTES:
        raise _too_large(field, each)


def _bytes_per_pixel(opened: Image.Image) -> float:
    """Return what decoding takes for each pixel.

    A JPEG that comes in several scans is held as coefficients of 2 bytes a sample; its pixels are made at a fraction
    of the size (`draft`). `layer` has the samples of each component: 1.5 a pixel as most cameras write it, up to 4.
    """
    if not isinstance(opened, JpegImagePlugin.JpegImageFile):
        return BYTES_PER_PIXEL[opened.format or ""]
    samples: list[tuple[int, int]] = [(across, down) for _, across, down, _ in opened.layer]
    widest, highest = (max(each) for each in zip(*samples, strict=True))
    samples_per_pixel: float = sum(across * down for across, down in samples) / (widest * highest)
    return 1 + 2 * samples_per_pixel


def _too_large(field: str, bytes_per_pixel: float) -> Invalid:
    pixels = f"{MAX_DECODING_BYTES / bytes_per_pixel / 1_000_000:.3g} million pixels"
    allowed = f"a file of this kind may have {pixels}, {MAX_SIDE:,} on each side"
    return Invalid({field: [f"The picture is too large: {allowed}."]})


def _cropped(opened: Image.Image) -> tuple[Size, Image.Image]:
    """Return the size of an avatar and the middle of the picture, at least as large."""
    opened.draft(None, _scaled(opened, AVATAR_SIDE / min(opened.size)))
    side = min(opened.size)
    left, top = (opened.width - side) // 2, (opened.height - side) // 2
    box = (left, top, left + side, top + side)
    return (AVATAR_SIDE, AVATAR_SIDE), _in_bands(opened, box, side // AVATAR_SIDE)


def _fitted(opened: Image.Image) -> tuple[Size, Image.Image]:
    """Return the size of a cover, never enlarged, and the picture, at least as large."""
    size = _scaled(opened, min(1.0, COVER_SIDE / max(opened.size)))
    opened.draft(None, size)
    return size, _in_bands(opened, (0, 0, *opened.size), max(opened.size) // COVER_SIDE)


def _scaled(image: Image.Image, factor: float) -> Size:
    return max(1, round(image.width * factor)), max(1, round(image.height * factor))


def _in_bands(image: Image.Image, box: tuple[int, int, int, int], factor: int) -> Image.Image:
    """Return what is in `box` at a `factor`-th of its size, in a mode that can be resized.

    In bands: resizing or converting a whole picture would hold a copy of it, or two.
    """
    left, top, right, bottom = box
    factor = max(1, factor)
    height = max(1, BAND_PIXELS // (right - left) // factor) * factor
    reduced: Image.Image | None = None
    for upper in range(top, bottom, height):
        band = _resizable(image.crop((left, upper, right, min(upper + height, bottom)))).reduce(factor)
        if reduced is None:
            reduced = Image.new(band.mode, (band.width, -(-(bottom - top) // factor)))
        reduced.paste(band, (0, (upper - top) // factor))
    if reduced is None:
        raise ValueError("a picture without a pixel")
    reduced.info = image.info
    return reduced


def _resizable(image: Image.Image) -> Image.Image:
    """Return a band of a picture in a mode whose pixels can be mixed."""
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode.startswith("I"):  # 16-bit greys: Pillow's own conversion would clip them to white
        return image.convert("I").point(lambda value: value / 256).convert("L")
    return image.convert({"1": "L", "P": "RGB"}.get(image.mode, image.mode))


def _plain(picture: Image.Image) -> Image.Image:
    """Return a picture upright, in sRGB, as RGB or RGBA with nothing attached."""
    upright = ImageOps.exif_transpose(picture)
    coloured = _in_srgb(upright).convert("RGBA" if upright.mode == "RGBA" else "RGB")
    bare = Image.new(coloured.mode, coloured.size)
    bare.paste(coloured)
    return bare


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

"""What the package has done in a process of its own: one file in, one WebP out, or a sentence that says why not."""

import io
import re
import struct
import zlib
from collections.abc import Callable
from functools import cache

import orjson
from PIL import Image, ImageCms, ImageOps, JpegImagePlugin, PngImagePlugin

MAX_SIDE = 10_000
# What decoding may take: with the file and the copies of the shrunk picture, the process needs about 140 MB more.
MAX_DECODING_BYTES = 120_000_000
# Measured with Pillow 13: WebP is decoded onto two canvases and copied twice. JPEG: see `_bytes_per_pixel`.
BYTES_PER_PIXEL = {"PNG": 4, "WEBP": 16}
BAND_PIXELS = 1_000_000
AVATAR_SIDE = 512
COVER_SIDE = 1600  # the width; portrait covers stay within the same height
WEBP_QUALITY = 82
FORMATS = ("JPEG", "PNG", "WEBP")  # JPEG takes in MPO, which phones write: further pictures behind the first
# Each pass over a JPEG costs as much as the picture is large, and may take a few bytes. Cameras and programs make about
# 10 in a progressive file.
MAX_SCANS = 64
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
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
# Pillow keeps what a PNG says in words, up to 64 MiB of it unpacked.
PngImagePlugin.MAX_TEXT_MEMORY = PngImagePlugin.MAX_TEXT_CHUNK


Size = tuple[int, int]
Shape = Callable[[Image.Image], tuple[Size, Image.Image]]


class Refused(Exception):
    """Raised, with a sentence for the person who sent it, for a file that is not taken."""


def answer(question: bytes) -> bytes:
    """Return a line of JSON, with a picture's size and the picture behind it, or with why there is none."""
    shape, _, data = question.partition(b"\n")
    try:
        picture = _made(data, _SHAPES[shape])
        encoded = io.BytesIO()
        picture.save(encoded, "WEBP", quality=WEBP_QUALITY, method=4)
    except Refused as refusal:
        return orjson.dumps({"refused": str(refusal)})
    return orjson.dumps({"width": picture.width, "height": picture.height}) + b"\n" + encoded.getvalue()


def _made(data: bytes, shape: Shape) -> Image.Image:
    _check_scans(data)
    try:
        return _plain(_reduced(data, shape))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large(BYTES_PER_PIXEL["PNG"]) from None
    except BROKEN:
        raise Refused("Upload a picture that is a whole JPEG, PNG or WebP file.") from None


def _check_scans(data: bytes) -> None:
    if data.startswith(b"\xff\xd8") and (scans := _count_scans(data)) > MAX_SCANS:
        raise Refused(
            f"This JPEG has {scans:,} scans, and {MAX_SCANS} are allowed: save it again with another program."
        )


def _count_scans(data: bytes) -> int:
    """Return how often the first picture in a JPEG file is gone over: by its markers, without decoding any of it."""
    scans, at = 0, 2
    while (found := _MARKER.search(data, at)) is not None and found[1] != b"\xd9":
        scans += found[1] == b"\xda"
        # What a segment holds, such as a thumbnail, is passed over.
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2])
    return scans


# 00 stands for a byte of data, FF fills, and the others here have nothing behind them.
_MARKER = re.compile(rb"\xff([^\x00\x01\xff\xd0-\xd8])")


def _reduced(data: bytes, shape: Shape) -> Image.Image:
    """Return the first frame in its final size; what was decoded in full is gone by then."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
        _check_size(opened)
        size, picture = shape(opened)
    del opened
    return picture.resize(size, Image.Resampling.LANCZOS)


def _check_size(opened: Image.Image) -> None:
    """Refuse by the size in the header, before a single pixel is decoded."""
    each = _bytes_per_pixel(opened)
    if max(opened.size) > MAX_SIDE or opened.width * opened.height * each > MAX_DECODING_BYTES:
        raise _too_large(each)


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


def _too_large(bytes_per_pixel: float) -> Refused:
    pixels = f"{MAX_DECODING_BYTES / bytes_per_pixel / 1_000_000:.3g} million pixels"
    allowed = f"a file of this kind may have {pixels}, {MAX_SIDE:,} on each side"
    return Refused(f"The picture is too large: {allowed}.")


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


_SHAPES: dict[bytes, Shape] = {b"avatar": _cropped, b"cover": _fitted}


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

"""Uploads: what is taken, what becomes of it, and what is refused."""

import asyncio
import io
import random
import resource
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from eventhub.errors import Busy, Invalid
from eventhub.gateways import images
from eventhub.gateways.images import codec

RED, BLUE = (220, 20, 20), (20, 20, 220)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def halves(width: int = 400, height: int = 200, mode: str = "RGB") -> Image.Image:
    """Return a picture whose left half is red and whose right half is blue."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image.convert(mode)


def opened(stored: images.StoredImage) -> Image.Image:
    image = Image.open(io.BytesIO(stored.data))
    assert (image.format, image.size) == ("WEBP", (stored.width, stored.height))
    return image


def is_close(pixel: Any, colour: tuple[int, int, int]) -> bool:
    return all(abs(one - other) < 30 for one, other in zip(pixel[:3], colour, strict=True))


def png_of_size(width: int, height: int) -> bytes:
    """Return a PNG whose header claims a size that its few bytes do not have."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 9))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "MPO"])
async def test_the_formats_of_the_web_and_of_phones_are_taken(kind: str) -> None:
    stored = await images.cover(encoded(halves(), kind))
    assert (stored.width, stored.height) == (400, 200)
    assert (stored.content_type, stored.extension) == ("image/webp", "webp")
    assert is_close(opened(stored).convert("RGB").getpixel((10, 10)), RED)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((3200, 1600), (1600, 800)),
        ((800, 600), (800, 600)),
        ((1000, 4000), (400, 1600)),
        ((1, 1), (1, 1)),
        ((5000, 2), (1600, 1)),
    ],
)
async def test_covers_fit_and_are_never_enlarged(size: tuple[int, int], expected: tuple[int, int]) -> None:
    stored = await images.cover(encoded(Image.new("RGB", size, RED), "JPEG"))
    assert (stored.width, stored.height) == expected


@pytest.mark.parametrize("size", [(2000, 1000), (300, 900), (64, 64), (1, 1)])
async def test_avatars_are_squares_of_one_size(size: tuple[int, int]) -> None:
    stored = await images.avatar(encoded(halves(*size), "JPEG"))
    assert (stored.width, stored.height) == (512, 512)


async def test_a_picture_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held so that the top is to the right
    stored = await images.cover(encoded(halves(), "JPEG", exif=exif.tobytes()))
    image = opened(stored).convert("RGB")
    assert image.size == (200, 400)
    assert is_close(image.getpixel((100, 20)), RED)
    assert is_close(image.getpixel((100, 380)), BLUE)


async def test_nothing_of_the_upload_but_its_pixels_survives() -> None:
    exif = Image.Exif()
    exif[0x010E] = "SECRET-description"
    exif.get_ifd(0x8825)[1] = "N"
    jpeg = encoded(halves(), "JPEG", exif=exif.tobytes(), comment=b"SECRET-comment") + b"SECRET-tail"
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", "SECRET-author")
    for upload in (
        jpeg,
        encoded(halves(), "PNG", pnginfo=text),
        encoded(halves(), "WEBP", xmp=b"SECRET-xmp"),
    ):
        assert b"SECRET" in upload
        stored = await images.cover(upload)
        assert b"SECRET" not in stored.data
        assert not {"exif", "xmp", "icc_profile", "comment"} & set(opened(stored).info)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
async def test_every_kind_of_png_is_understood(mode: str) -> None:
    image = Image.new("I;16", (40, 40), 65535) if mode == "I;16" else halves(40, 40).convert(mode)
    stored = await images.cover(encoded(image))
    assert opened(stored).size == (40, 40)


async def test_a_16_bit_grey_stays_grey() -> None:
    stored = await images.cover(encoded(Image.new("I;16", (40, 40), 128 * 256)))
    assert is_close(opened(stored).convert("RGB").getpixel((5, 5)), (128, 128, 128))


async def test_transparency_stays() -> None:
    clear = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    assert opened(await images.cover(encoded(clear))).convert("RGBA").getpixel((5, 5))[3] == 0  # type: ignore[index]


async def test_cmyk_and_colour_profiles_become_srgb() -> None:
    assert opened(await images.cover(encoded(halves(mode="CMYK"), "JPEG"))).mode == "RGB"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    stored = await images.cover(encoded(halves(), "JPEG", icc_profile=profile))
    assert is_close(opened(stored).convert("RGB").getpixel((10, 10)), RED)
    broken = await images.cover(encoded(halves(), "JPEG", icc_profile=b"no profile"))
    assert is_close(opened(broken).convert("RGB").getpixel((10, 10)), RED)


async def test_only_the_first_picture_of_an_animation_is_kept() -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in (RED, BLUE)]
    upload = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:])
    image = opened(await images.cover(upload))
    assert getattr(image, "n_frames", 1) == 1
    assert is_close(image.convert("RGB").getpixel((5, 5)), RED)


@pytest.mark.parametrize(
    "upload",
    [
        b"",
        b"not a picture",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"%PDF-1.7 ...",
        b"GIF89a" + bytes(50),
        encoded(halves(), "GIF"),
        encoded(halves(), "BMP"),
        encoded(halves(), "TIFF"),
        encoded(halves(), "JPEG")[:300],
        encoded(halves(), "PNG")[:60],
        encoded(halves(), "WEBP")[:60],
        b"\xff\xd8\xff" + bytes(100),
        png_of_size(100, 100),
        png_of_size(0, 0),
    ],
)
async def test_what_is_no_whole_picture_is_refused_by_its_content(upload: bytes) -> None:
    with pytest.raises(Invalid) as raised:
        await images.avatar(upload)
    assert raised.value.errors == {"avatar": ["Upload a picture that is a whole JPEG, PNG or WebP file."]}


TOO_LARGE = "The picture is too large: a file of this kind may have {} million pixels, 10,000 on each side."


@pytest.mark.parametrize(
    "size",
    [(50_000, 50_000), (100_000, 1000), (1, 10_001), (10_001, 1), (6000, 5001), (2**31 - 1, 2**31 - 1)],
)
async def test_bombs_are_refused_by_their_header(size: tuple[int, int]) -> None:
    started = time.monotonic()
    with pytest.raises(Invalid) as raised:
        await images.cover(png_of_size(*size))
    assert raised.value.errors == {"cover_image": [TOO_LARGE.format(30)]}
    assert time.monotonic() - started < 5, "drawing it would take longer"


async def test_how_many_pixels_a_file_may_have_depends_on_what_its_decoder_takes() -> None:
    for upload, million in (
        (encoded(Image.new("L", (9000, 900)), "WEBP"), "7.5"),
        (encoded(Image.new("CMYK", (9000, 1500)), "JPEG", subsampling=0), "13.3"),
        (encoded(Image.new("RGB", (9000, 2000)), "JPEG", subsampling=0), "17.1"),
        (encoded(Image.new("RGB", (9000, 3400)), "JPEG", subsampling=2), "30"),
    ):
        with pytest.raises(Invalid) as raised:
            await images.avatar(upload)
        assert raised.value.errors == {"avatar": [TOO_LARGE.format(million)]}


def png_bomb(width: int, height: int, colour: int, depth: int, bits: int) -> bytes:
    """Return a whole PNG of nothing but zeros: a hundred kilobytes for tens of millions of pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer, row = zlib.compressobj(), bytes(1 + width * bits // 8)
    rows = b"".join([packer.compress(row) for _ in range(height)]) + packer.flush()
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
        + (chunk(b"PLTE", bytes(768)) + chunk(b"tRNS", bytes(256)) if colour == 3 else b"")
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


def animation(width: int, height: int) -> bytes:
    frames = [Image.new("RGBA", (width, height), (shade, 0, 0, shade)) for shade in (0, 80, 160)]
    return encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:])


BOMBS: dict[str, Callable[[], bytes]] = {
    "RGBA": lambda: png_bomb(5470, 5470, 6, 8, 32),
    "RGBA of 16 bits": lambda: png_bomb(5470, 5470, 6, 16, 64),
    "grey of 16 bits": lambda: png_bomb(5470, 5470, 0, 16, 16),
    "palette": lambda: png_bomb(5470, 5470, 3, 8, 8),
    "tall": lambda: png_bomb(3000, 10_000, 6, 8, 32),
    "wide": lambda: png_bomb(10_000, 3000, 2, 8, 24),
    "hardly shrunk": lambda: png_bomb(3199, 3199, 6, 8, 32),
    "progressive": lambda: encoded(Image.new("RGB", (5470, 5470)), "JPEG", progressive=True),
    "progressive CMYK": lambda: encoded(
        Image.new("CMYK", (3199, 3199)), "JPEG", progressive=True, subsampling=0
    ),
    "animation": lambda: animation(2730, 2730),
}
# The high-water mark of the process itself: `getrusage` would begin with that of the process that started it.
_PEAK = """
import pathlib, re, sys
from eventhub.gateways.images import codec
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
upload = pathlib.Path(sys.argv[1]).read_bytes()
before = peak()
for shape in (b"cover", b"avatar"):
    assert b"refused" not in codec.answer(shape + b"\\n" + upload).partition(b"\\n")[0]
print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("bomb", BOMBS)
async def test_the_largest_pictures_stay_within_their_memory(bomb: str, tmp_path: Path) -> None:
    upload = tmp_path / "bomb"
    upload.write_bytes(BOMBS[bomb]())
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PEAK, str(upload), stdout=asyncio.subprocess.PIPE
    )
    answer, _ = await child.communicate()
    assert child.returncode == 0
    assert int(answer) < 150 * 1024, f"{int(answer) // 1024} MiB"


async def test_an_avatar_is_the_middle_of_a_picture_of_any_size() -> None:
    for size in ((2800, 1100), (1100, 2800), (700, 600)):
        picture = Image.new("RGB", size, BLUE)
        side = min(size)
        picture.paste(
            RED, ((size[0] - side) // 2, (size[1] - side) // 2, (size[0] + side) // 2, (size[1] + side) // 2)
        )
        for kind in ("JPEG", "PNG"):
            image = opened(await images.avatar(encoded(picture, kind))).convert("RGB")
            assert all(is_close(image.getpixel(at), RED) for at in ((8, 8), (503, 8), (8, 503), (503, 503)))


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA"])
async def test_a_picture_that_is_shrunk_in_bands_is_whole(mode: str) -> None:
    image = opened(await images.cover(encoded(halves(5001, 3001, mode)))).convert("RGB")
    grey = mode.startswith("L")
    for at, colour in (((20, 5), RED), ((780, 955), RED), ((820, 5), BLUE), ((1580, 955), BLUE)):
        expected = (sum(int(part) for part in Image.new("RGB", (1, 1), colour).convert("L").tobytes()),) * 3
        assert is_close(image.getpixel(at), expected if grey else colour)


async def test_a_file_that_is_too_large_is_refused_unread() -> None:
    with pytest.raises(Invalid) as raised:
        await images.avatar(bytes(images.MAX_BYTES + 1), field="photo")
    assert raised.value.errors == {"photo": ["The file is larger than 10 MiB."]}


def test_damaged_files_are_refused_and_raise_nothing() -> None:
    chance = random.Random(7)
    for kind in ("JPEG", "PNG", "WEBP"):
        whole = encoded(halves(64, 64), kind)
        assert orjson.loads(codec.answer(b"avatar\n" + whole).partition(b"\n")[0])["width"] == 512
        for _ in range(80):
            damaged = bytearray(whole)
            for _ in range(chance.randint(1, 8)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            told = codec.answer(b"avatar\n" + damaged[: chance.randint(10, len(damaged))])
            assert list(orjson.loads(told)) == ["refused"]


async def test_the_work_leaves_the_loop_free() -> None:
    work = asyncio.gather(*(images.avatar(encoded(halves(), "JPEG")) for _ in range(4)))
    ticks = 0
    while not work.done():
        await asyncio.sleep(0.005)
        ticks += 1
    await work
    assert ticks > 5


def progressive(scans: int, *, behind: bytes = b"") -> bytes:
    """Return a progressive JPEG of black, gone over so many times: each time but the first in twelve bytes."""

    def segment(marker: int, data: bytes) -> bytes:
        return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data

    side = 1024
    blocks = (side // 8) ** 2  # 2^14
    tables = segment(0xDB, b"\0" + b"\1" * 64) + segment(0xC4, b"\0\1" + bytes(15) + b"\0")
    # One code: a run of 2^14 blocks without anything.
    tables += segment(0xC4, b"\x10\1" + bytes(15) + b"\xe0")
    size = segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + bytes([1, 0x11, 0]))
    first = segment(0xDA, bytes([1, 1, 0, 0, 0, 0])) + bytes(blocks // 8)
    empty = segment(0xDA, bytes([1, 1, 0, 1, 63, 0])) + b"\0\1"
    return b"\xff\xd8" + tables + size + first + empty * (scans - 1) + b"\xff\xd9" + behind


async def test_a_jpeg_of_too_many_scans_is_refused_undecoded() -> None:
    assert (await images.avatar(progressive(64))).width == 512
    for scans in (65, 5000):
        with pytest.raises(Invalid) as raised:
            await images.avatar(progressive(scans))
        told = f"This JPEG has {scans:,} scans, and 64 are allowed: save it again with another program."
        assert raised.value.errors == {"avatar": [told]}


async def test_pictures_in_and_behind_a_jpeg_are_not_counted() -> None:
    """A thumbnail, and the film that a phone puts behind its picture."""
    scans = b"\xff\xda" * 200
    assert (await images.avatar(progressive(8, behind=scans))).width == 512
    upload = encoded(halves(), "JPEG", progressive=True, comment=scans)
    assert (await images.avatar(upload)).width == 512


def test_what_looks_like_a_marker_hides_no_scan() -> None:
    """Those that have no length, and fill bytes."""
    for odd in (b"\xff\x01", b"\xff\xd0", b"\xff\x00", b"\xff\xff\xff", b"\xff\xd8"):
        upload = progressive(70)
        at = upload.index(b"\xff\xda")
        assert codec._count_scans(upload[:at] + odd + upload[at:]) == 70


def segments(number: int) -> bytes:
    upload = encoded(halves(), "JPEG")
    return upload[:2] + b"\xff\xe0\x00\x02" * number + upload[2:]


def chunks(number: int) -> bytes:
    upload = encoded(halves())
    return upload[:33] + (b"\0\0\0\0prVt" + struct.pack(">I", zlib.crc32(b"prVt"))) * number + upload[33:]


@pytest.mark.parametrize("upload", [segments(2_400_000), chunks(800_000), b"\xff\xd8" + b"\xff" * 10_000_000])
async def test_whatever_is_costly_ends_in_time(upload: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images._codec, "_limits", replace(images.LIMITS, cpu_seconds=0))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with pytest.raises(Invalid) as raised:
        await images.avatar(upload)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert raised.value.errors == {"avatar": [images._TOO_COSTLY]}
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2


async def test_what_takes_too_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images._codec, "_limits", replace(images.LIMITS, memory_bytes=160 * 1024 * 1024))
    with pytest.raises(Invalid) as raised:
        await images.avatar(png_bomb(5470, 5470, 6, 8, 32))
    assert raised.value.errors == {"avatar": [images._TOO_COSTLY]}
    assert (await images.avatar(encoded(halves()))).width == 512


async def test_a_picture_that_finds_no_place_in_line_is_told_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(images._codec, "_places", 2)
    asked = await asyncio.gather(
        *(images.avatar(encoded(halves())) for _ in range(3)), return_exceptions=True
    )
    assert [type(answer) for answer in asked] == [images.StoredImage, images.StoredImage, Busy]


def test_no_process_but_its_own_loads_the_decoder() -> None:
    loaded = (
        "import sys, eventhub.web.app, eventhub.workers.main; print({'PIL', 'zxcvbn'} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert told.stdout == "set()\n"

"""Opening plain pictures, and what holds for slides of every kind."""

import os
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from unet_studio.core.slides.opening import SlideInfo, open_slide
from unet_studio.core.slides.reader import EagerReader, halve
from unet_studio.core.tiles import Box
from unet_studio.errors import SlideClosedError, SlideError

RNG = np.random.default_rng(7)
NOISE = RNG.integers(0, 256, (37, 53, 4), dtype=np.uint8)
DEEP = RNG.integers(0, 65536, (37, 53, 4), dtype=np.uint16)


def whole(path: Path, *, shrink: int = 1) -> NDArray[Any]:
    with open_slide(path) as slide:
        pixels = slide.read(0, slide.info.box(shrink), shrink=shrink)
        assert pixels.dtype == slide.info.dtype
        assert pixels.shape == (*slide.info.box(shrink).shape, slide.info.channels)
    return pixels


def png(pixels: NDArray[Any]) -> bytes:
    return bytes(imagecodecs.png_encode(np.ascontiguousarray(pixels)))


def refusal(path: Path) -> str:
    """The sentence with which a slide is refused, at opening or at the latest when all of it is read."""
    with pytest.raises(SlideError) as caught:
        whole(path)
    assert f"'{path.name}' can't be read: " in str(caught.value)
    return str(caught.value)


# Pictures of 8 bits


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".PNG"])
def test_grey_and_colour_are_exact(tmp_path: Path, suffix: str) -> None:
    for name, pixels in (("grey", NOISE[:, :, 0]), ("rgb", NOISE[:, :, :3])):
        Image.fromarray(pixels).save(tmp_path / f"{name}{suffix}")
        np.testing.assert_array_equal(whole(tmp_path / f"{name}{suffix}"), pixels.reshape(37, 53, -1))


@pytest.mark.parametrize(("channels", "kept"), [(2, 1), (4, 3)])
def test_alpha_is_dropped(tmp_path: Path, channels: int, kept: int) -> None:
    Image.fromarray(NOISE[:, :, :channels]).save(tmp_path / "a.png")
    np.testing.assert_array_equal(whole(tmp_path / "a.png"), NOISE[:, :, :kept])


@pytest.mark.parametrize("transparency", [None, 3, bytes(range(256))])
def test_a_palette_becomes_colours(tmp_path: Path, transparency: int | bytes | None) -> None:
    image = Image.fromarray(NOISE[:, :, :3]).quantize(64)
    image.save(tmp_path / "p.png", **({} if transparency is None else {"transparency": transparency}))
    np.testing.assert_array_equal(whole(tmp_path / "p.png"), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("suffix", ["png", "bmp"])
def test_bits_become_black_and_white(tmp_path: Path, suffix: str) -> None:
    bits = NOISE[:, :, 0] > 99
    Image.fromarray(bits).save(tmp_path / f"b.{suffix}")
    np.testing.assert_array_equal(whole(tmp_path / f"b.{suffix}")[:, :, 0], bits * np.uint8(255))


def test_jpeg_is_read_with_red_first(tmp_path: Path) -> None:
    Image.new("RGB", (16, 8), (200, 100, 20)).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(whole(tmp_path / "a.jpg").astype(int) - (200, 100, 20)).max() <= 3


def test_cmyk_jpeg_becomes_rgb(tmp_path: Path) -> None:
    Image.new("CMYK", (16, 8), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(whole(tmp_path / "a.jpg").astype(int) - (255, 0, 0)).max() <= 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("deep", [False, True])
def test_pictures_are_turned_as_their_exif_data_says(tmp_path: Path, orientation: int, deep: bool) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(NOISE[:, :, :3])
    path = tmp_path / "a.png"
    image.save(path, exif=exif)
    turned = np.asarray(ImageOps.exif_transpose(Image.open(path)))
    if deep:
        chunk = b"eXIf" + exif.tobytes()[6:]
        data = png(NOISE[:, :, :3].astype(np.uint16))
        # After the signature and the header.
        path.write_bytes(data[:33] + struct.pack(">I", len(chunk) - 4) + chunk + crc(chunk) + data[33:])
    np.testing.assert_array_equal(whole(path), turned)


def test_damaged_exif_data_does_no_harm(tmp_path: Path) -> None:
    Image.fromarray(NOISE[:, :, :3]).save(tmp_path / "a.png", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    np.testing.assert_array_equal(whole(tmp_path / "a.png"), NOISE[:, :, :3])


@pytest.mark.parametrize("name", ["😐.png", "größe 切片.png", "a#b%20c.png"])
def test_any_name_can_be_opened(tmp_path: Path, name: str) -> None:
    for pixels in (NOISE[:, :, :3], DEEP[:, :, :3]):
        (tmp_path / name).write_bytes(png(pixels))
        np.testing.assert_array_equal(whole(tmp_path / name), pixels)


def test_content_counts_rather_than_the_name(tmp_path: Path) -> None:
    Image.fromarray(NOISE[:, :, :3]).save(tmp_path / "a.tif", format="PNG")
    Image.fromarray(NOISE[:, :, :3]).save(tmp_path / "a.png", format="TIFF")
    for name in ("a.tif", "a.png"):
        np.testing.assert_array_equal(whole(tmp_path / name), NOISE[:, :, :3])


# PNG of 16 bits


@pytest.mark.parametrize(("channels", "kept"), [(1, 1), (2, 1), (3, 3), (4, 3)])
def test_all_sixteen_bits_are_kept(tmp_path: Path, channels: int, kept: int) -> None:
    (tmp_path / "a.png").write_bytes(png(DEEP[:, :, :channels].squeeze()))
    np.testing.assert_array_equal(whole(tmp_path / "a.png"), DEEP[:, :, :kept])


def crc(chunk: bytes) -> bytes:
    return zlib.crc32(chunk).to_bytes(4, "big")


def png_of_size(height: int, width: int, *, depth: int = 8) -> bytes:
    """A PNG that only claims to be that large."""
    return png_of(struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0), zlib.compress(b"0"))


def interlaced(pixels: NDArray[Any]) -> bytes:
    """(h, w, 3) uint16 as an interlaced PNG (Adam7), which few libraries write."""
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    big_endian = pixels.astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for y, x, down, right in passes for row in big_endian[y::down, x::right])
    height, width = pixels.shape[:2]
    return png_of(struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 1), zlib.compress(rows))


def png_of(header: bytes, data: bytes) -> bytes:
    parts = (b"IHDR" + header, b"IDAT" + data, b"IEND")
    return b"\x89PNG\r\n\x1a\n" + b"".join(struct.pack(">I", len(part) - 4) + part + crc(part) for part in parts)


def test_interlaced_pictures_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(interlaced(DEEP[:, :, :3]))
    np.testing.assert_array_equal(whole(tmp_path / "a.png"), DEEP[:, :, :3])


# What can't be read


@pytest.mark.parametrize("save", ["png", "jpg", "bmp", "deep"])
@pytest.mark.parametrize("part", [0.05, 0.5, 0.9])
def test_a_truncated_picture_is_refused_in_silence(
    tmp_path: Path, save: str, part: float, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"a.{'png' if save == 'deep' else save}"
    if save == "deep":
        path.write_bytes(png(DEEP[:, :, :3]))
    else:
        Image.fromarray(NOISE[:, :, :3]).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    assert "copy it again" in refusal(path) or part == 0.05
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("deep", [False, True])
def test_an_altered_png_is_refused_in_silence(tmp_path: Path, deep: bool, capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(png((DEEP if deep else NOISE)[:, :, :3]))
    data[len(data) // 2] ^= 255
    (tmp_path / "a.png").write_bytes(data)
    assert "damaged" in refusal(tmp_path / "a.png")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty; copy it again"),
        (b"hello, I am a text", "isn't an image of a known kind"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "isn't an image of a known kind"),
        (b"II*\0", "copy it again"),
        (
            png_of_size(60_000, 60_000),
            "it takes 14.4 GB of memory in one piece, more than the limit of 1.9 GB; export it",
        ),
        (png_of_size(20_000, 20_000, depth=16), "it takes 3.2 GB of memory"),
        (png_of_size(0, 5), "can't be read"),
    ],
)
def test_what_is_no_readable_picture_is_explained(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "a.png").write_bytes(content)
    assert words in refusal(tmp_path / "a.png")


def test_a_picture_that_claims_to_be_large_takes_no_memory(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png_of_size(15_000, 15_000, depth=16))
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "damaged" in refusal(tmp_path / "a.png") or "too early" in refusal(tmp_path / "a.png")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000, "kB, of 1.3 GB"


def test_damaged_pictures_leave_python_intact(tmp_path: Path) -> None:
    data = bytearray(png(DEEP[:, :, :3]))
    data[len(data) // 2] ^= 255
    (tmp_path / "a.png").write_bytes(data)
    before = sys.getrefcount(None)
    for _ in range(200):
        refusal(tmp_path / "a.png")
    assert sys.getrefcount(None) > before - 100, "Python 3.11 aborts when these run out"


def test_the_libraries_remarks_stay_off_the_terminal(tmp_path: Path) -> None:
    profile = b"iCCP" + b"x\0\0no profile"
    data = interlaced(DEEP[:, :, :3])
    data = data[:33] + struct.pack(">I", len(profile) - 4) + profile + crc(profile) + data[33:]
    (tmp_path / "a.png").write_bytes(data)
    Image.fromarray(NOISE[:, :, :3]).quantize(64).save(tmp_path / "b.png", transparency=bytes(range(64)))
    code = (
        "import sys; from pathlib import Path; from unet_studio.core.slides.opening import open_slide\n"
        "for name in sys.argv[1:]: open_slide(Path(name)).close()"
    )
    names = [str(tmp_path / name) for name in ("a.png", "b.png")]
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_is_no_file_is_explained(tmp_path: Path) -> None:
    assert "no longer there" in refusal(tmp_path / "a.png")
    (tmp_path / "b.png").mkdir()
    assert "a folder" in refusal(tmp_path / "b.png") or os.name == "nt"


# Every kind of slide


@pytest.fixture
def slide_file(tmp_path: Path) -> Path:
    Image.fromarray(NOISE[:, :, :3]).save(tmp_path / "slide.png")
    return tmp_path / "slide.png"


def test_info_says_what_the_slide_is(slide_file: Path) -> None:
    with open_slide(slide_file) as slide:
        assert slide.info == SlideInfo(1, 37, 53, 3, np.dtype(np.uint8), None)
        assert slide.info.box(4) == Box(0, 0, 10, 14)


@pytest.mark.parametrize(
    ("plane", "box", "shrink"),
    [
        (1, Box(0, 0, 1, 1), 1),
        (-1, Box(0, 0, 1, 1), 1),
        (0, Box(0, 0, 38, 53), 1),
        (0, Box(-1, 0, 5, 5), 1),
        (0, Box(0, 0, 20, 27), 2),
        (0, Box(0, 0, 1, 1), 3),
        (0, Box(0, 0, 1, 1), 0),
    ],
)
def test_wrong_arguments_are_value_errors(slide_file: Path, plane: int, box: Box, shrink: int) -> None:
    with open_slide(slide_file) as slide, pytest.raises(ValueError):
        slide.read(plane, box, shrink=shrink)


def test_an_empty_box_has_no_pixels(slide_file: Path) -> None:
    with open_slide(slide_file) as slide:
        assert slide.read(0, Box(3, 4, 3, 9)).shape == (0, 5, 3)


def test_the_caller_owns_what_is_read(slide_file: Path) -> None:
    with open_slide(slide_file) as slide:
        slide.read(0, slide.info.box())[:] = 0
        np.testing.assert_array_equal(slide.read(0, slide.info.box()), NOISE[:, :, :3])


def test_a_closed_slide_is_not_read(slide_file: Path) -> None:
    slide = open_slide(slide_file)
    slide.close()
    slide.close()
    with pytest.raises(SlideClosedError, match="closed"):
        slide.read(0, Box(0, 0, 1, 1))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(8, 6, 3), (7, 9, 1), (1, 5, 2), (5, 1, 140)])
def test_halving_is_the_mean_of_four_and_repeats_the_edge(shape: tuple[int, int, int], dtype: type) -> None:
    pixels = RNG.integers(0, 256, shape).astype(dtype)
    even = np.pad(pixels, ((0, shape[0] % 2), (0, shape[1] % 2), (0, 0)), mode="edge").astype(float)
    means = (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4
    halved = halve(pixels)
    assert halved.dtype == dtype
    assert halved.shape == means.shape
    assert np.abs(halved - means).max() <= (0 if dtype is np.float32 else 0.5)


def test_planes_stay_in_memory_up_to_some_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unet_studio.core.slides.reader._KEPT_BYTES", 10_000)
    decoded = []

    class Stack(EagerReader):
        def _decode(self, plane: int) -> NDArray[Any]:
            decoded.append(plane)
            return np.full((50, 60, 1), plane, np.uint8)  # 4000 bytes with its reductions

    with Stack(Path("stack"), SlideInfo(5, 50, 60, 1, np.dtype(np.uint8), None)) as slide:
        for plane in (0, 1, 0, 1, 2, 1, 0):
            assert (slide.read(plane, slide.info.box()) == plane).all()
    assert decoded == [0, 1, 2, 0]


def test_halving_passes_on_what_is_no_number() -> None:
    pixels = np.ones((4, 4, 1), np.float32)
    pixels[0, 0], pixels[0, 2], pixels[1, 2] = np.nan, np.inf, -np.inf
    np.testing.assert_array_equal(halve(pixels)[:, :, 0], [[np.nan, np.nan], [1, 1]])


def test_a_picture_shrinks_step_by_step(slide_file: Path) -> None:
    pixels = NOISE[:, :, :3]
    for shrink in (1, 2, 4, 8, 64, 1024):
        np.testing.assert_array_equal(whole(slide_file, shrink=shrink), _shrunken(pixels, shrink))


def _shrunken(pixels: NDArray[Any], shrink: int) -> NDArray[Any]:
    return pixels if shrink == 1 else halve(_shrunken(pixels, shrink // 2))


def test_many_threads_may_open_and_read(tmp_path: Path, slide_file: Path) -> None:
    (tmp_path / "bad.png").write_bytes(slide_file.read_bytes()[:500])
    filters = list(warnings.filters)
    problems: list[str] = []
    with open_slide(slide_file) as shared:

        def read() -> None:
            for shrink in (1, 2, 4) * 10:
                pixels = shared.read(0, shared.info.box(shrink), shrink=shrink)
                if not np.array_equal(pixels, _shrunken(NOISE[:, :, :3], shrink)):
                    problems.append(f"other pixels at {shrink}")
                _expect_refusal(tmp_path / "bad.png", problems.append)

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not problems
    assert warnings.filters == filters


def _expect_refusal(path: Path, complain: Callable[[str], None]) -> None:
    try:
        open_slide(path).close()
    except SlideError:
        return
    complain(f"{path.name} was opened")

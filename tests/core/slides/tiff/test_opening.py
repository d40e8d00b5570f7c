"""Opening TIFF slides of every layout, and reading parts of large ones."""

import io
import itertools
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from unet_studio.core.slides import budget
from unet_studio.core.slides.opening import SlideReader, open_slide
from unet_studio.core.slides.reader import halve
from unet_studio.core.slides.tiff import opening as tiff
from unet_studio.core.tiles import Box
from unet_studio.errors import SlideClosedError, SlideError

RNG = np.random.default_rng(11)
RGB = RNG.integers(0, 256, (45, 61, 3), dtype=np.uint8)
GREY = np.ascontiguousarray(RGB[:, :, 0])
TILES = {"tile": (16, 32)}
STRIPS = {"rowsperstrip": 7}


def write(path: Path, pixels: NDArray[Any], **how: Any) -> Path:
    tifffile.imwrite(path, pixels, **how)
    return path


def whole(path: Path, plane: int = 0, *, shrink: int = 1) -> NDArray[Any]:
    with open_slide(path) as slide:
        pixels = slide.read(plane, slide.info.box(shrink), shrink=shrink)
        assert pixels.dtype == slide.info.dtype
        assert pixels.dtype.isnative
        assert pixels.shape == (*slide.info.box(shrink).shape, slide.info.channels)
    return pixels


def refusal(path: Path) -> str:
    with pytest.raises(SlideError) as caught:
        whole(path)
    assert f"'{path.name}' can't be read: " in str(caught.value)
    return str(caught.value)


def shrunken(pixels: NDArray[Any], shrink: int) -> NDArray[Any]:
    return pixels if shrink == 1 else halve(shrunken(pixels, shrink // 2))


# Numbers and layouts


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4", "i1", "i2", "u4", "i4", "i8", "u8", "f2", "f8"])
@pytest.mark.parametrize("order", "<>")
def test_every_kind_of_number_keeps_its_values(tmp_path: Path, dtype: str, order: str) -> None:
    pixels = RNG.integers(0, 100, (20, 30)).astype(order + dtype)
    path = write(tmp_path / "a.tif", pixels, byteorder=order)
    read = whole(path)
    assert read.dtype == {"u1": np.uint8, "u2": np.uint16}.get(dtype, np.float32)
    np.testing.assert_array_equal(read[:, :, 0], pixels)


def test_bits_become_black_and_white(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", GREY > 99, photometric="minisblack")
    np.testing.assert_array_equal(whole(path)[:, :, 0], (GREY > 99) * np.uint8(255))


def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    assert "complex64" in refusal(write(tmp_path / "a.tif", GREY.astype(np.complex64)))


@pytest.mark.parametrize("segments", [TILES, {}], ids=["tiles", "one piece"])
@pytest.mark.parametrize(
    ("kind", "value"),
    [("float32", "-9999"), ("float64", "-1.7976931348623157e+308"), ("int16", "-1"), ("uint16", "65535")],
)
def test_pixels_that_are_declared_to_have_no_data_are_nan(
    tmp_path: Path, kind: str, value: str, segments: dict[str, Any]
) -> None:
    pixels = (GREY.astype(np.int32) // 2).astype(kind)
    pixels[:20] = np.array(float(value)).astype(kind)
    tag = (42113, 2, len(value) + 1, value, True)
    read = whole(write(tmp_path / "a.tif", pixels, extratags=[tag], **segments))
    assert read.dtype == np.float32
    assert np.isnan(read[:20]).all()
    np.testing.assert_array_equal(read[20:, :, 0], pixels[20:])


@pytest.mark.parametrize("value", ["-9999", "nan", "none", "0.5"])
def test_a_declared_value_that_cannot_occur_changes_nothing(tmp_path: Path, value: str) -> None:
    tag = (42113, 2, len(value) + 1, value, True)
    read = whole(write(tmp_path / "a.tif", GREY, extratags=[tag]))
    assert read.dtype == GREY.dtype
    np.testing.assert_array_equal(read[:, :, 0], GREY)


def test_numbers_that_are_none_pass_through(tmp_path: Path) -> None:
    pixels = GREY.astype(np.float64)
    pixels[3, 4], pixels[5, 6], pixels[7, 8] = np.nan, np.inf, 1e300
    read = whole(write(tmp_path / "a.tif", pixels))
    np.testing.assert_array_equal(read[(3, 5, 7), (4, 6, 8), 0], [np.nan, np.inf, np.inf])


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "lzw", "deflate", "zstd"])
@pytest.mark.parametrize("segments", [TILES, STRIPS, {}], ids=["tiles", "strips", "one piece"])
def test_colours_are_exact_in_every_layout(tmp_path: Path, planar: str, compression: str | None, segments: Any) -> None:
    pixels = RGB if planar == "contig" else np.moveaxis(RGB, 2, 0)
    how = {"photometric": "rgb", "planarconfig": planar, "compression": compression, "predictor": bool(compression)}
    np.testing.assert_array_equal(whole(write(tmp_path / "a.tif", pixels, **how, **segments)), RGB)


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("suffix", ["tif", "TIFF", "svs"])
def test_big_tiff_and_every_ending(tmp_path: Path, bigtiff: bool, suffix: str) -> None:
    path = write(tmp_path / f"😐 ä.{suffix}", RGB, photometric="rgb", bigtiff=bigtiff)
    np.testing.assert_array_equal(whole(path), RGB)


def test_jpeg_tiles_are_rgb(tmp_path: Path) -> None:
    flat = np.full((48, 48, 3), (200, 100, 20), np.uint8)
    path = write(tmp_path / "a.svs", flat, photometric="rgb", compression="jpeg", tile=(16, 16))
    assert np.abs(whole(path).astype(int) - flat).max() <= 3


def test_segments_that_are_left_out_are_black(tmp_path: Path) -> None:
    tiles = itertools.chain([zlib.compress(bytes([9]) * 256)], itertools.repeat(b"", 3))
    write(tmp_path / "a.tif", tiles, shape=(32, 32), dtype="u1", tile=(16, 16), compression="deflate")
    read = whole(tmp_path / "a.tif")[:, :, 0]
    assert (read[:16, :16] == 9).all()
    assert read.sum() == 9 * 256


# Colours


def test_white_is_zero_becomes_black_is_zero(tmp_path: Path) -> None:
    for name, pixels, white in (("8", GREY, 255), ("16", GREY.astype(np.uint16) * 257, 65535), ("1", GREY > 9, True)):
        path = write(tmp_path / f"{name}.tif", pixels, photometric="miniswhite")
        expected = (~pixels) * np.uint8(255) if name == "1" else white - pixels
        np.testing.assert_array_equal(whole(path)[:, :, 0], expected)


@pytest.mark.parametrize("segments", [{}, TILES], ids=["strips", "tiles"])
def test_a_palette_becomes_colours(tmp_path: Path, segments: Any) -> None:
    colours = RNG.integers(0, 256, (3, 256), dtype=np.uint16)
    path = write(tmp_path / "a.tif", GREY, photometric="palette", colormap=colours * 257, **segments)
    np.testing.assert_array_equal(whole(path), colours.T[GREY])


def test_a_palette_of_two(tmp_path: Path) -> None:
    bits = Image.fromarray(GREY > 99).convert("P")
    bits.save(tmp_path / "a.tif", bits=1)
    assert np.unique(whole(tmp_path / "a.tif")).tolist() == [0, 255]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_cmyk_becomes_rgb(tmp_path: Path, dtype: type) -> None:
    inks = RNG.integers(0, 256, (20, 30, 4), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(inks, "CMYK").convert("RGB")).astype(int)
    scale = 1 if dtype is np.uint8 else 257
    path = write(tmp_path / "a.tif", inks.astype(dtype) * scale, photometric="separated")
    assert np.abs(whole(path) / scale - expected).max() <= 1


@pytest.mark.parametrize("how", [{"photometric": "rgb"}, {"photometric": "rgb", "extrasamples": ["assocalpha"]}])
def test_alpha_is_dropped(tmp_path: Path, how: Any) -> None:
    path = write(tmp_path / "a.tif", np.dstack([RGB, GREY]), **how)
    np.testing.assert_array_equal(whole(path), RGB)
    path = write(tmp_path / "b.tif", np.dstack([GREY, GREY]), photometric="minisblack", extrasamples=["unassalpha"])
    np.testing.assert_array_equal(whole(path)[:, :, 0], GREY)


def test_alpha_of_which_opencv_says_nothing_is_dropped(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.tif"), np.dstack([RGB[:, :, ::-1], GREY]))
    np.testing.assert_array_equal(whole(tmp_path / "a.tif"), RGB)


def test_other_samples_are_channels(tmp_path: Path) -> None:
    five = np.dstack([RGB, RGB[:, :, :2]])
    path = write(tmp_path / "a.tif", five, photometric="rgb", extrasamples=["unspecified"] * 2, **TILES)
    np.testing.assert_array_equal(whole(path), five)


@pytest.mark.parametrize(("photometric", "words"), [("cielab", "Lab"), ("ycbcr", "YCbCr")])
def test_colours_that_would_be_wrong_are_refused(tmp_path: Path, photometric: str, words: str) -> None:
    path = write(tmp_path / "a.tif", RGB, photometric=photometric)
    assert words in refusal(path)


@pytest.mark.parametrize("segments", [{}, TILES], ids=["strips", "tiles"])
@pytest.mark.parametrize(("orientation", "turned"), [(3, RGB[::-1, ::-1]), (6, np.rot90(RGB, -1)), (0, RGB)])
def test_pages_are_turned_as_they_say(tmp_path: Path, segments: Any, orientation: int, turned: NDArray[Any]) -> None:
    tags = [(274, "H", 1, orientation, True)]
    np.testing.assert_array_equal(whole(write(tmp_path / "a.tif", RGB, extratags=tags, **segments)), turned)


# Planes and channels


def test_pages_of_one_size_are_planes(tmp_path: Path) -> None:
    stack = RNG.integers(0, 256, (4, 20, 30), dtype=np.uint8)
    for i, how in enumerate(({}, {"metadata": None}, {"metadata": None, **TILES})):
        path = write(tmp_path / f"{i}.tif", stack, photometric="minisblack", **how)
        assert [whole(path, plane)[:, :, 0].tolist() for plane in range(4)] == stack.tolist()


def test_pages_of_other_sizes_are_left_out(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for size in (20, 20, 7):
            file.write(RGB[:size, :30], photometric="rgb", metadata=None)
    with open_slide(tmp_path / "a.tif") as slide:
        assert (slide.info.planes, slide.info.height) == (2, 20)


@pytest.mark.parametrize("truncate", [False, True])
def test_a_hyperstack_of_imagej_runs_over_time_then_z(tmp_path: Path, truncate: bool) -> None:
    stack = RNG.integers(0, 65536, (2, 3, 2, 20, 31), dtype=np.uint16)
    path = write(tmp_path / "a.tif", stack, imagej=True, metadata={"axes": "TZCYX"}, truncate=truncate)
    with open_slide(path) as slide:
        assert (slide.info.planes, slide.info.channels, slide.info.dtype) == (6, 2, np.uint16)
        for t, z in np.ndindex(2, 3):
            expected = np.moveaxis(stack[t, z], 0, -1)
            np.testing.assert_array_equal(slide.read(3 * t + z, Box(2, 3, 19, 30)), expected[2:19, 3:30])


@pytest.mark.parametrize("axes", ["CTZYX", "ZCTYX", "TZCYX"])
@pytest.mark.parametrize("segments", [{}, TILES], ids=["strips", "tiles"])
def test_ome_axes_in_any_order(tmp_path: Path, axes: str, segments: Any) -> None:
    sizes = {"C": 2, "T": 3, "Z": 4, "Y": 20, "X": 30}
    stack = RNG.integers(0, 256, [sizes[axis] for axis in axes], dtype=np.uint8)
    path = write(tmp_path / "a.ome.tif", stack, metadata={"axes": axes}, photometric="minisblack", **segments)
    planes = stack.transpose([axes.index(axis) for axis in "TZYXC"]).reshape(12, 20, 30, 2)
    for plane in (0, 5, 11):
        np.testing.assert_array_equal(whole(path, plane), planes[plane])


def test_ome_channels_of_colours(tmp_path: Path) -> None:
    stack = RNG.integers(0, 256, (2, 20, 30, 3), dtype=np.uint8)
    path = write(tmp_path / "a.ome.tif", stack, metadata={"axes": "CYXS"}, photometric="rgb")
    np.testing.assert_array_equal(whole(path), np.concatenate(stack, axis=2))


def test_axes_in_unusual_order(tmp_path: Path) -> None:
    stack = RNG.integers(0, 256, (20, 30, 5), dtype=np.uint8)
    path = write(tmp_path / "a.tif", stack, metadata={"axes": "YXC"}, photometric="minisblack")
    np.testing.assert_array_equal(whole(path), stack)
    path = write(tmp_path / "b.tif", stack, metadata={"axes": "YXZ"}, photometric="minisblack")
    np.testing.assert_array_equal(whole(path, 4)[:, :, 0], stack[:, :, 4])


def test_a_file_of_a_series_in_several_files_stands_for_itself(tmp_path: Path) -> None:
    other = tifffile.OmeXml()
    other.addimage("uint8", (2, 45, 61), (2, 1, 1, 45, 61, 1), axes="ZYX")
    text = other.tostring().replace(
        'PlaneCount="2"/>', 'IFD="0"><UUID FileName="b.ome.tif">urn:uuid:b</UUID></TiffData>'
    )
    write(tmp_path / "a.ome.tif", GREY, description=text.encode(), metadata=None)
    np.testing.assert_array_equal(whole(tmp_path / "a.ome.tif")[:, :, 0], GREY)


# The size of a pixel


@pytest.mark.parametrize(
    ("how", "size"),
    [
        ({"ome": True, "metadata": {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}}, 0.5),
        ({"ome": True, "metadata": {"PhysicalSizeX": 250, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 1}}, 0.5),
        ({"ome": True, "metadata": {"PhysicalSizeX": 3, "PhysicalSizeXUnit": "pixel", "PhysicalSizeY": 3}}, None),
        ({"ome": True}, None),
        ({"imagej": True, "resolution": (4, 4), "metadata": {"unit": "um"}}, 0.25),
        ({"imagej": True, "resolution": (4, 1), "metadata": {"unit": "micron"}}, 0.5),
        ({"imagej": True, "resolution": (4000, 4000), "metadata": {"unit": "mm"}}, 0.25),
        ({"imagej": True, "resolution": (72, 72), "metadata": {"unit": "inch"}}, None),
        ({"imagej": True, "resolution": (0, 0), "metadata": {"unit": "um"}}, None),
        ({"imagej": True}, None),
        (
            {"description": "Aperio Image Library v11\r\n61x45 |AppMag = 20|MPP = 0.4990|Left = 2", "metadata": None},
            0.499,
        ),
        ({"description": "Aperio Image Library v11|MPP = 0", "metadata": None}, None),
        ({"resolution": (300, 300), "resolutionunit": "inch"}, None),
    ],
)
def test_the_size_of_a_pixel(tmp_path: Path, how: Any, size: float | None) -> None:
    with open_slide(write(tmp_path / "a.tif", GREY, **how)) as slide:
        assert slide.info.pixel_size_um == (size if size is None else pytest.approx(size, rel=1e-6))


# Large slides


@pytest.fixture(scope="module")
def tiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlideReader]:
    folder = tmp_path_factory.mktemp("tiled")
    with open_slide(write(folder / "a.tif", RGB, photometric="rgb", compression="deflate", **TILES)) as slide:
        yield slide


@given(data=st.data(), level=st.integers(0, 7))
@settings(max_examples=150, deadline=None)
def test_any_box_of_a_tiled_slide_is_the_crop_of_the_whole(tiled: SlideReader, data: st.DataObject, level: int) -> None:
    shrink = 2**level
    outer = tiled.info.box(shrink)
    y0, y1 = sorted(data.draw(st.tuples(st.integers(0, outer.height), st.integers(0, outer.height))))
    x0, x1 = sorted(data.draw(st.tuples(st.integers(0, outer.width), st.integers(0, outer.width))))
    box = Box(y0, x0, y1, x1)
    np.testing.assert_array_equal(tiled.read(0, box, shrink=shrink), shrunken(RGB, shrink)[box.slices])


@pytest.mark.parametrize("segments", [TILES, STRIPS], ids=["tiles", "strips"])
def test_reducing_block_by_block_changes_nothing(
    tmp_path: Path, segments: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff, "_LAZY_BYTES", 0)
    monkeypatch.setattr(tiff, "_TILED_BLOCK", (4, 4))
    monkeypatch.setattr(tiff, "_STRIP_BLOCK", (2, 2**32))
    path = write(tmp_path / "a.tif", RGB, **segments)
    for shrink in (1, 2, 8, 32):
        np.testing.assert_array_equal(whole(path, shrink=shrink), shrunken(RGB, shrink))


def pyramid(path: Path, base: NDArray[Any], levels: dict[tuple[int, int], int]) -> Path:
    """A pyramid in which every level, (height, width), has a value of its own, so that one sees which was read."""
    with tifffile.TiffWriter(path) as file:
        how = {"photometric": "minisblack", "tile": (16, 16)}
        file.write(base, subifds=len(levels), **how)
        for size, value in levels.items():
            file.write(np.full(size, value, np.uint8), subfiletype=1, **how)
    return path


def test_the_files_own_levels_are_used(tmp_path: Path) -> None:
    # A quarter of 101 × 75 is 26 × 19, of which scanners that round down lack the last row and column.
    path = pyramid(tmp_path / "a.tif", np.zeros((101, 75), np.uint8), {(25, 18): 40, (6, 4): 160})
    values = {shrink: np.unique(whole(path, shrink=shrink)).tolist() for shrink in (1, 2, 4, 8, 16, 32)}
    assert values == {1: [0], 2: [0], 4: [40], 8: [40], 16: [160], 32: [160]}


@pytest.mark.parametrize("size", [(48, 37), (50, 40), (33, 25)])
def test_a_level_that_shows_something_else_is_not_used(tmp_path: Path, size: tuple[int, int]) -> None:
    path = pyramid(tmp_path / "a.tif", np.zeros((101, 75), np.uint8), {size: 20})
    assert not whole(path, shrink=2).any()


def test_a_row_that_rounding_lost_is_repeated(tmp_path: Path) -> None:
    base = RNG.integers(0, 256, (101, 75), dtype=np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(base, subifds=1, tile=(16, 16))
        file.write(base[:50, :37], subfiletype=1, tile=(16, 16))
    level = np.pad(base[:50, :37], ((0, 1), (0, 1)), mode="edge")
    np.testing.assert_array_equal(whole(tmp_path / "a.tif", shrink=2)[:, :, 0], level)
    with open_slide(tmp_path / "a.tif") as slide:
        np.testing.assert_array_equal(slide.read(0, Box(50, 36, 51, 38), shrink=2)[:, :, 0], level[50:, 36:])


def test_a_huge_slide_opens_at_once_and_costs_what_is_read(tmp_path: Path) -> None:
    tiles = itertools.chain([zlib.compress(bytes([7]) * 256 * 256 * 3)], itertools.repeat(b"", 391 * 313 - 1))
    how = {"photometric": "rgb", "tile": (256, 256), "compression": "deflate", "bigtiff": True}
    write(tmp_path / "a.tif", tiles, shape=(80_000, 100_000, 3), dtype="u1", **how)
    start = time.perf_counter()
    with open_slide(tmp_path / "a.tif") as slide:
        assert (slide.info.height, slide.info.width) == (80_000, 100_000)
        assert slide.read(0, Box(0, 0, 256, 512)).sum() == 7 * 256 * 256 * 3
        assert slide.read(0, Box(0, 0, 32, 32), shrink=8).min() == 7
        assert not slide.read(0, Box(79_744, 99_744, 80_000, 100_000)).any()
        with pytest.raises(SlideError, match="it takes 24 GB of memory"):
            slide.read(0, slide.info.box())
    assert time.perf_counter() - start < 1


def test_closing_ends_a_long_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.tif", np.zeros((2048, 2048), np.uint8), tile=(256, 256))
    slide, blocks = open_slide(path), []

    def halve_and_close(pixels: NDArray[Any]) -> NDArray[Any]:
        blocks.append(pixels.shape)
        if len(blocks) == 2:
            closing.start()
            while not slide._closed:
                time.sleep(0.001)
        return halve(pixels)

    closing = threading.Thread(target=slide.close)
    monkeypatch.setattr(tiff, "halve", halve_and_close)
    with pytest.raises(SlideClosedError):
        slide.read(0, slide.info.box(8), shrink=8)
    closing.join()
    assert len(blocks) == 2


# What can't be read


def saved(pixels: NDArray[Any], **how: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **how)
    return file.getvalue()


@pytest.mark.parametrize("segments", [TILES, STRIPS], ids=["tiles", "strips"])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.9])
def test_a_truncated_file_is_refused(tmp_path: Path, segments: Any, part: float) -> None:
    data = saved(RGB, **segments)
    (tmp_path / "a.tif").write_bytes(data[: int(len(data) * part)])
    assert "copy it again from its source" in refusal(tmp_path / "a.tif")


@pytest.mark.parametrize(("length", "words"), [(3000, "3 of 12.2 kB"), (-1, "12207 of 12208 bytes")])
def test_a_truncated_file_says_what_is_missing(tmp_path: Path, length: int, words: str) -> None:
    data = saved(np.zeros((100, 120), np.uint8), metadata=None)
    (tmp_path / "a.tif").write_bytes(data[:length])
    sentence = refusal(tmp_path / "a.tif")
    assert sentence == f"'a.tif' can't be read: it ends after {words}; copy it again from its source."


def test_a_truncated_stack_is_refused_when_opened(tmp_path: Path) -> None:
    for truncate in (False, True):
        data = saved(np.zeros((50, 20, 30), np.uint8), imagej=True, truncate=truncate)
        (tmp_path / "a.tif").write_bytes(data[:-5000])
        with pytest.raises(SlideError, match=r"copy it again"):
            open_slide(tmp_path / "a.tif")


def damaged_tile(data: bytes) -> bytes:
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        at = file.pages.first.dataoffsets[1]
    return data[:at] + bytes(20) + data[at + 20 :]


def circle(data: bytes) -> bytes:
    """A file of two pages with the second followed by itself."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        first, second = (page.offset for page in file.pages)
    count = int.from_bytes(data[second : second + 2], "little")
    at = second + 2 + 12 * count
    assert first < second
    return data[:at] + second.to_bytes(4, "little") + data[at + 4 :]


@pytest.mark.parametrize(
    ("damage", "how"),
    [(damaged_tile, {"compression": "deflate", **TILES}), (damaged_tile, {"compression": "lzw", **STRIPS})],
)
def test_a_damaged_file_is_refused_in_silence(
    tmp_path: Path, damage: Callable[[bytes], bytes], how: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.tif").write_bytes(damage(saved(RGB, **how)))
    assert "damaged" in refusal(tmp_path / "a.tif")
    assert capfd.readouterr() == ("", "")


def test_pages_in_a_circle_are_refused_in_silence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    stack = np.stack([GREY, 255 - GREY])
    (tmp_path / "a.tif").write_bytes(circle(saved(stack, photometric="minisblack", metadata=None)))
    assert "its table of contents is damaged; copy it again" in refusal(tmp_path / "a.tif")
    assert capfd.readouterr() == ("", "")


def test_a_piece_too_large_to_decode_is_refused(tmp_path: Path) -> None:
    how = {"tile": (65_536, 65_536), "compression": "deflate", "bigtiff": True}
    write(tmp_path / "a.tif", itertools.repeat(b"", 4), shape=(80_000, 90_000), dtype="u1", **how)
    assert (
        "it takes 4.3 GB of memory in one piece, more than the limit of 1.9 GB; export it as a tiled TIFF"
        in refusal(tmp_path / "a.tif")
    )


@pytest.mark.parametrize("large", [2**28, 0], ids=["whole", "strip by strip"])
def test_a_strip_too_large_to_decode_is_refused(tmp_path: Path, large: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff, "_LAZY_BYTES", large)
    monkeypatch.setattr(budget, "MAX_BYTES", 8000)
    wanted = "16.5 kB" if large else "8.2 kB"  # whole, the strip is decoded and then lies in the plane
    assert f"it takes {wanted} of memory in one piece" in refusal(write(tmp_path / "a.tif", RGB))


def test_an_unknown_compression_is_named(tmp_path: Path) -> None:
    data = bytearray(saved(GREY, metadata=None))
    at = data.index((259).to_bytes(2, "little") + b"\3\0\1\0\0\0")
    data[at + 8 : at + 10] = (32809).to_bytes(2, "little")
    (tmp_path / "a.tif").write_bytes(data)
    assert "THUNDERSCAN not supported); open it in the program that it comes from" in refusal(tmp_path / "a.tif")

"""Mask files: every kind that other programs write, each refusal, and the way there and back."""

import io
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from unet_studio.core.classes import make_classes
from unet_studio.core.exchange.mask_files import (
    blend_overlay,
    read_mask,
    to_classes,
    write_instances,
    write_mask,
    write_overlay,
    write_tiled_mask,
)
from unet_studio.core.tiles import Box
from unet_studio.errors import MaskError, StudioError

SLIDES = Path(__file__).parents[4] / "shared" / "data"
NUMBERS = np.random.default_rng(0).integers(0, 4, (13, 17)).astype(np.uint8)


def real(name: str) -> Path:
    path = SLIDES / name
    if not path.exists():
        pytest.skip(f"{name} is not here")
    return path


def png(rows: list[bytes], width: int, depth: int, colour_type: int, **chunks: bytes) -> bytes:
    """A PNG of packed rows, written by hand since few libraries write palettes and small depths."""
    header = width.to_bytes(4) + len(rows).to_bytes(4) + bytes([depth, colour_type, 0, 0, 0])
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, body in {"IHDR": header, **chunks, "IDAT": data, "IEND": b""}.items():
        parts += [len(body).to_bytes(4), kind.encode(), body, zlib.crc32(kind.encode() + body).to_bytes(4)]
    return b"".join(parts)


def packed(values: NDArray[np.uint8], depth: int) -> list[bytes]:
    bits = np.unpackbits(values[..., None], axis=-1)[..., 8 - depth :]
    return [np.packbits(row.ravel()).tobytes() for row in bits]


def encoded(suffix: str, values: NDArray[Any]) -> bytes:
    return cv2.imencode(suffix, values)[1].tobytes()


def tiff(values: NDArray[Any], **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, values, **{"photometric": "minisblack", **options})
    return file.getvalue()


def read(data: bytes, tmp_path: Path, name: str = "mask") -> NDArray[Any]:
    path = tmp_path / name
    path.write_bytes(data)
    return read_mask(path)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
@pytest.mark.parametrize("colour_type", [0, 3])
def test_png_indices_and_small_depths_are_read_as_stored(tmp_path: Path, depth: int, colour_type: int) -> None:
    values = NUMBERS & (2**depth - 1)
    # Colours that all differ from their indices, some of them transparent.
    colours = {"PLTE": bytes(range(60, 72)), "tRNS": b"\0\xff"} if colour_type == 3 else {"tRNS": b"\0\1"}
    if depth == 1 and colour_type == 3:
        colours["PLTE"] = colours["PLTE"][:6]
    found = read(png(packed(values, depth), 17, depth, colour_type, **colours), tmp_path)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_grey_and_grey_in_disguise_are_read_as_stored(tmp_path: Path, kind: type[np.integer]) -> None:
    grey = NUMBERS.astype(kind) * 85
    alpha = np.arange(grey.size, dtype=kind).reshape(grey.shape)
    for values in (grey, np.dstack([grey] * 3), np.dstack([grey, grey, grey, alpha])):
        for data in (encoded(".png", values), tiff(values, photometric="rgb" if values.ndim == 3 else "minisblack")):
            found = read(data, tmp_path)
            assert found.dtype == kind
            np.testing.assert_array_equal(found, grey)


def test_grey_with_alpha_is_read_as_grey(tmp_path: Path) -> None:
    both = np.dstack([NUMBERS, 255 - NUMBERS])
    np.testing.assert_array_equal(read(png([row.tobytes() for row in both], 17, 8, 4), tmp_path), NUMBERS)
    np.testing.assert_array_equal(read(tiff(both, extrasamples=["unassalpha"]), tmp_path), NUMBERS)


def test_bmp_and_jpeg_are_read(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read(encoded(".bmp", NUMBERS), tmp_path), NUMBERS)
    even = np.full((16, 16), 255, np.uint8)
    np.testing.assert_array_equal(read(encoded(".jpg", even), tmp_path), even)
    np.testing.assert_array_equal(read(encoded(".jpg", np.dstack([even] * 3)), tmp_path), even)


@pytest.mark.parametrize("kind", ["bool", "uint8", "int16", "uint16", ">u2", "int32", "uint32", "int64", "float32"])
def test_tiff_of_any_whole_numbers_is_read(tmp_path: Path, kind: str) -> None:
    values = (NUMBERS % 2 if kind == "bool" else NUMBERS).astype(kind)
    found = read(tiff(values), tmp_path)
    assert np.issubdtype(found.dtype, np.integer)
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, values)


def test_tiff_palettes_pages_pyramids_and_planar_colours(tmp_path: Path) -> None:
    palette = np.zeros((3, 256), np.uint16)
    np.testing.assert_array_equal(read(tiff(NUMBERS, photometric="palette", colormap=palette), tmp_path), NUMBERS)
    stack = np.stack([NUMBERS, 3 - NUMBERS, NUMBERS])
    np.testing.assert_array_equal(read(tiff(stack), tmp_path), stack)
    np.testing.assert_array_equal(read(tiff(stack, imagej=True), tmp_path), stack)
    same = np.stack([NUMBERS] * 3)
    np.testing.assert_array_equal(read(tiff(same, photometric="rgb", planarconfig="separate"), tmp_path), NUMBERS)
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(NUMBERS, metadata=None)
        writer.write(NUMBERS[::2, ::2], subfiletype=1, metadata=None)
    np.testing.assert_array_equal(read(file.getvalue(), tmp_path), NUMBERS)


def test_colour_masks_are_refused(tmp_path: Path) -> None:
    colours = np.dstack([NUMBERS, NUMBERS, 3 - NUMBERS])
    for data in (encoded(".png", colours), tiff(colours, photometric="rgb")):
        with pytest.raises(MaskError, match=r"colour mask.*Export it as class numbers"):
            read(data, tmp_path)


def test_fractions_are_refused(tmp_path: Path) -> None:
    for value in (0.5, np.nan, np.inf):
        with pytest.raises(MaskError, match="fractions"):
            read(tiff(np.full((4, 4), value, np.float32)), tmp_path)


def test_damaged_files_are_refused_quietly(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    whole = {suffix: encoded(suffix, NUMBERS) for suffix in (".png", ".bmp", ".jpg")} | {".tif": tiff(NUMBERS)}
    flipped = bytearray(whole[".png"])
    flipped[-20] ^= 255
    pages = io.BytesIO()
    with tifffile.TiffWriter(pages) as writer:
        writer.write(NUMBERS, metadata=None)
        writer.write(NUMBERS[:5], metadata=None)
    damaged = [data[: len(data) // 2] for data in whole.values()]
    for data in [*damaged, bytes(flipped), pages.getvalue(), b"", b"not a picture", b"II*\0"]:
        with pytest.raises(MaskError, match="can't be read as PNG, TIFF, BMP or JPEG"):
            read(data, tmp_path)
    with pytest.raises(MaskError, match="can't be opened"):
        read_mask(tmp_path / "missing.png")
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_indices_stay_and_255_is_unlabelled() -> None:
    found = to_classes(np.array([[0, 1, 2, 255]], np.int64), classes=3, foreground=None)
    assert found.dtype == np.uint8
    assert found.tolist() == [[0, 1, 2, 255]]


def test_two_values_are_a_binary_mask() -> None:
    assert to_classes(np.array([0, 255]), classes=2, foreground=None).tolist() == [0, 1]
    assert to_classes(np.array([0, 1, 255]), classes=2, foreground=None).tolist() == [0, 1, 255]
    assert to_classes(np.array([0, 255]), classes=3, foreground=None).tolist() == [0, 255]


@pytest.mark.parametrize(
    ("foreground", "expected"),
    [("255", [0, 0, 0, 1]), ("0", [1, 0, 0, 0]), ("nonzero", [0, 1, 1, 1]), ("-1", [0, 1, 0, 0])],
)
def test_a_foreground_leaves_nothing_unlabelled(foreground: str, expected: list[int]) -> None:
    found = to_classes(np.array([0, -1, 70_000, 255]), classes=2, foreground=foreground)
    assert found.dtype == np.uint8
    assert found.tolist() == expected


def test_stray_values_are_named() -> None:
    values = np.array([[0, 1, 7, 7, -3, 255], [300, 301, 302, 303, 303, 1]])
    with pytest.raises(MaskError) as caught:
        to_classes(values, classes=2, foreground=None)
    said = str(caught.value)
    assert "-3 (1 pixel), 7 (2 pixels), 300 (1 pixel), 301 (1 pixel), 302 (1 pixel), and 1 more (2 pixels)" in said
    assert "expected 0 to 1, or 255 for unlabelled" in said
    assert "--foreground nonzero" in said


def test_an_unknown_foreground_is_refused() -> None:
    with pytest.raises(MaskError, match="neither a number"):
        to_classes(NUMBERS, classes=2, foreground="white")


@pytest.mark.parametrize("name", ["mask.png", "mask.PNG", "mask.tif", "größe 切片 😐.tiff"])
def test_masks_come_back_as_they_were(tmp_path: Path, name: str) -> None:
    mask = NUMBERS.copy()
    mask[0] = 255
    path = tmp_path / "masks" / name
    write_mask(path, mask)
    np.testing.assert_array_equal(read_mask(path), mask)
    write_mask(path, mask, values="binary")
    np.testing.assert_array_equal(read_mask(path), np.where((mask > 0) & (mask < 255), 255, 0))


@pytest.mark.parametrize(("name", "most"), [("a.png", 65535), ("a.tif", 100_000)])
def test_instances_come_back_as_they_were(tmp_path: Path, name: str, most: int) -> None:
    numbers = np.random.default_rng(0).integers(0, most, (30, 40)).astype(np.int32)
    numbers[0, 0] = most
    write_instances(tmp_path / name, numbers)
    np.testing.assert_array_equal(read_mask(tmp_path / name), numbers)


def test_more_instances_than_a_png_can_number_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MaskError, match=r"“?a\.png.* 65536 instances, .* only 65535\. Export them as TIFF\."):
        write_instances(tmp_path / "a.png", np.array([[65536]], np.int32))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shape", [(3, 20, 30), (2, 20, 3), (4, 3, 4)])
def test_planes_come_back_as_pages(tmp_path: Path, shape: tuple[int, ...]) -> None:
    planes = np.random.default_rng(0).integers(0, 4, shape).astype(np.uint8)
    write_mask(tmp_path / "mask.tif", planes)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.tif"), planes)


def test_tiff_knows_the_pixel_size_and_is_compressed(tmp_path: Path) -> None:
    write_mask(tmp_path / "mask.tif", np.zeros((500, 500), np.uint8), pixel_size_um=0.25)
    with tifffile.TiffFile(tmp_path / "mask.tif") as file:
        page = file.pages.first
        assert page.get_resolution(unit="micrometer") == pytest.approx((4, 4))
        assert page.tags["ResolutionUnit"].value == tifffile.RESUNIT.CENTIMETER
        assert page.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
    assert (tmp_path / "mask.tif").stat().st_size < 5000


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"can't be written as '\.png'"):
        write_mask(tmp_path / "mask.png", np.zeros((2, 8, 3), np.uint8))
    with pytest.raises(ValueError, match=r"\.png, \.tif or \.tiff"):
        write_mask(tmp_path / "mask.jpg", NUMBERS)
    with pytest.raises(ValueError, match="'index' or 'binary'"):
        write_mask(tmp_path / "mask.png", NUMBERS, values="instances")
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(StudioError, match="could not be written"):
        write_mask(tmp_path / "taken" / "mask.png", NUMBERS)
    assert [file.name for file in tmp_path.iterdir()] == ["taken"]


def test_overlay_blends_inside_and_outlines_the_edge() -> None:
    slide = np.full((6, 8, 3), 100, np.uint8)
    mask = np.zeros((6, 8), np.uint8)
    mask[:, 3:] = 1
    mask[:2, 6:] = 255
    mask[5, 0] = 9
    colours = np.array([(9, 9, 9), (200, 0, 100)], np.uint8)
    found = blend_overlay(slide, mask, colours, 0.5)
    assert found.dtype == np.uint8
    assert (found[mask != 1] == 100).all()
    assert (found[:, 3] == (200, 0, 100)).all(), "the outline lies inside the class"
    assert found[3, 5].tolist() == [150, 50, 100]
    assert found[5, 7].tolist() == [150, 50, 100], "the edge of the plane is no outline"
    with pytest.raises(MaskError, match="they must be the same"):
        blend_overlay(slide, mask[:5], colours, 0.5)


def test_overlay_files_have_the_classes_colours(tmp_path: Path) -> None:
    mask = np.zeros((6, 8), np.uint8)
    mask[2:5, 2:5] = 2
    classes = make_classes("myelin", "axon")
    write_overlay(tmp_path / "sub" / "ü.png", np.zeros((6, 8, 3), np.uint8), mask, classes, opacity=1.0)
    data = np.frombuffer((tmp_path / "sub" / "ü.png").read_bytes(), np.uint8)
    found = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert (found[mask == 2] == classes[2].colour).all()
    assert not found[mask == 0].any()


def test_axon_masks_have_values_that_are_no_class() -> None:
    values = read_mask(real("axon_sem_dev/masks/sub-rat2_sample-data5_SEM.png"))
    assert values.shape == (954, 1280)
    with pytest.raises(MaskError, match=r"128 \(\d+ pixels\), 130 \(\d+ pixels?\), 233 \(\d+ pixels?\);"):
        to_classes(values, classes=3, foreground=None)
    assert to_classes(values, classes=2, foreground="255").sum() == (values == 255).sum()
    indices = read_mask(real("axon_sem_dev/masks_index/sub-rat2_sample-data5_SEM.png"))
    np.testing.assert_array_equal(to_classes(indices, classes=3, foreground=None), indices)


def test_instance_numbers_of_16_bits_are_read() -> None:
    values = read_mask(real("dsb_fluo_dev/masks/00071198d059.png"))
    assert values.dtype == np.uint16
    assert len(np.unique(values)) == values.max() + 1
    with pytest.raises(MaskError, match="--foreground nonzero"):
        to_classes(values, classes=2, foreground=None)
    np.testing.assert_array_equal(to_classes(values, classes=2, foreground="nonzero"), values > 0)


def test_vessels_of_1_bit_are_read() -> None:
    values = read_mask(real("chase_dev/masks/Image_01L.png"))
    assert values.shape == (960, 999)
    assert np.unique(values).tolist() == [0, 1]
    np.testing.assert_array_equal(to_classes(values, classes=2, foreground=None), values)


def test_palette_masks_are_read_as_their_indices() -> None:
    folder = real("dubai_dev")
    for name in ("tile2_001.png", "tile2_002.png"):
        stored = read_mask(folder / "masks_original_rgb" / name)
        classes = read_mask(folder / "masks" / name)
        pairs = np.unique(np.stack([stored.ravel(), classes.ravel()]), axis=1)
        assert len(np.unique(stored)) == pairs.shape[1], "each index of the palette is one class"
    with pytest.raises(MaskError, match="colour mask"):
        read_mask(folder / "masks_original_rgb" / "tile1_001.png")


def test_awkward_files_are_read_or_refused(capfd: pytest.CaptureFixture[str]) -> None:
    for path in sorted(real("odd").rglob("*.tif*")):
        try:
            values = read_mask(path)
        except MaskError as error:
            assert str(path) in str(error)
        else:
            assert np.issubdtype(values.dtype, np.integer)
            assert values.ndim in (2, 3)
    assert capfd.readouterr().err == ""


def test_reading_leaves_opencv_as_talkative_as_it_was(tmp_path: Path) -> None:
    level = cv2.utils.logging.getLogLevel()
    read(encoded(".png", NUMBERS), tmp_path)
    assert cv2.utils.logging.getLogLevel() == level


def test_a_mask_of_any_size_is_written_with_memory_that_follows_its_width(tmp_path: Path) -> None:
    shape = (40_000, 700)
    asked = []

    def read(box: Box) -> NDArray[np.uint8]:
        asked.append(box)
        return (np.add.outer(np.arange(box.y0, box.y1), np.arange(box.x0, box.x1)) // 100 % 3).astype(np.uint8)

    tracemalloc.start()
    write_tiled_mask(tmp_path / "large.tif", [read], shape, pixel_size_um=0.5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 700 * 512 * 40
    assert max(box.height for box in asked) <= 512
    assert np.array_equal(read_mask(tmp_path / "large.tif"), read(Box(0, 0, *shape)))

"""Mask files of every kind that other programs write are read as stored, or refused with a reason."""

import io
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from unet_studio.core.exchange.mask_reading import read_colours, read_mask
from unet_studio.core.exchange.mask_values import to_classes
from unet_studio.core.slides.opening import open_slide
from unet_studio.errors import MaskError

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


# How pixels lie


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("slides", "masks"):
        (tmp_path / name).mkdir()
    return tmp_path


def save_both(place: Path, name: str, values: NDArray[np.uint8], **options: Any) -> None:
    """Slide and mask, saved in the same way by the same program: the slide is bright where the mask is 1."""
    for folder, content in (("slides", values * np.uint8(255)), ("masks", values)):
        if name.endswith(".tif"):
            tifffile.imwrite(place / folder / name, content, **{"photometric": "minisblack", **options})
        else:
            Image.fromarray(content).save(place / folder / name, **options)


def check_they_fit(place: Path, name: str) -> None:
    masks = read_mask(place / "masks" / name)
    with open_slide(place / "slides" / name) as reader:
        planes = masks if masks.ndim == 3 else masks[None]
        assert len(planes) == reader.info.planes
        for number, plane in enumerate(planes):
            np.testing.assert_array_equal(reader.read(number, reader.info.box())[..., 0] > 127, plane == 1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["tif", "png"])
def test_a_mask_is_turned_as_its_slide_is(place: Path, orientation: int, ending: str) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    turned = {"extratags": [(274, 3, 1, orientation, True)]} if ending == "tif" else {"exif": exif}
    save_both(place, f"a.{ending}", NUMBERS % 2, **turned)
    check_they_fit(place, f"a.{ending}")


@pytest.mark.parametrize("palette", [False, True])
def test_a_mask_of_few_bits_is_turned_too(place: Path, palette: bool) -> None:
    exif = Image.Exif()
    exif[274] = 6
    image = Image.fromarray(NUMBERS % 2 == 1)
    if palette:
        image = Image.fromarray(NUMBERS % 2)
        image.putpalette(bytes(range(6)))
    image.save(place / "m.png", exif=exif)
    np.testing.assert_array_equal(read_mask(place / "m.png"), np.rot90(NUMBERS % 2, -1))


def test_a_jpeg_mask_is_turned_as_its_slide_is(place: Path) -> None:
    blocks = np.kron(NUMBERS % 2, np.ones((16, 16), np.uint8)) * np.uint8(255)
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(blocks).save(place / "m.jpg", quality=100, exif=exif)
    with open_slide(place / "m.jpg") as reader:
        np.testing.assert_array_equal(read_mask(place / "m.jpg"), reader.read(0, reader.info.box())[..., 0])


@pytest.mark.parametrize("axes", ["ZTYX", "TZYX", "CZYX"])
def test_the_planes_of_a_mask_come_in_the_order_of_its_slides(place: Path, axes: str) -> None:
    stack = np.random.default_rng(3).integers(0, 2, (2, 3, 13, 17)).astype(np.uint8)
    tifffile.imwrite(place / "masks" / "a.tif", stack, ome=True, metadata={"axes": axes})
    tifffile.imwrite(place / "slides" / "a.tif", stack * np.uint8(255), ome=True, metadata={"axes": axes})
    if axes != "CZYX":
        check_they_fit(place, "a.tif")
    else:  # two channels of a slide, but not of a mask
        np.testing.assert_array_equal(read_mask(place / "masks" / "a.tif"), stack.swapaxes(0, 1).reshape(6, 13, 17))


def test_of_pages_of_several_sizes_the_first_is_the_mask_as_it_is_the_slide(place: Path) -> None:
    for folder, values in (("slides", NUMBERS % 2 * 255), ("masks", NUMBERS % 2)):
        with tifffile.TiffWriter(place / folder / "a.tif") as writer:
            writer.write(values.astype(np.uint8), photometric="minisblack", metadata=None)
            writer.write(values[:5].astype(np.uint8), photometric="minisblack", metadata=None)
    check_they_fit(place, "a.tif")


def test_the_colours_of_a_palette_are_read_from_a_tiff_as_from_a_png(place: Path) -> None:
    colours = np.array([[0x10, 0x20, 0x30], [0xFF, 0, 0], [0, 0xFF, 0], [0, 0, 0xFF]], np.uint8)
    image = Image.fromarray(NUMBERS)
    image.putpalette(colours.tobytes())
    image.save(place / "m.png")
    table = np.zeros((3, 256), np.uint16)
    table[:, :4] = colours.T.astype(np.uint16) * 257
    tifffile.imwrite(place / "m.tif", NUMBERS, photometric="palette", colormap=table)
    expected = np.array([0x102030, 0xFF0000, 0x00FF00, 0x0000FF])[NUMBERS]
    for name in ("m.png", "m.tif"):
        np.testing.assert_array_equal(read_colours(place / name), expected)


# What is refused


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
    damaged = [data[: len(data) // 2] for data in whole.values()]
    for data in [*damaged, bytes(flipped), b"", b"not a picture", b"II*\0"]:
        with pytest.raises(MaskError, match="The mask 'mask' can't be read: "):
            read(data, tmp_path)
    with pytest.raises(MaskError, match="it's no longer there"):
        read_mask(tmp_path / "missing.png")
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


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
            assert path.name in str(error)
        else:
            assert np.issubdtype(values.dtype, np.integer)
            assert values.ndim in (2, 3)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("depth", "colour_type"), [(2, 3), (8, 3), (4, 0), (8, 0), (16, 0)])
def test_a_damaged_png_never_gives_other_values(tmp_path: Path, depth: int, colour_type: int) -> None:
    values = np.random.default_rng(1).integers(0, 4, (20, 40)).astype(np.uint8)
    rows = packed(values, depth) if depth <= 8 else [row.astype(">u2").tobytes() for row in values]
    palette = {"PLTE": bytes(range(60, 72))} if colour_type == 3 else {}
    data = png(rows, 40, depth, colour_type, **palette)
    damaged = [data[:end] for end in range(0, len(data), 3)]
    damaged += [data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :] for at in range(0, len(data), 3)]
    for content in damaged:
        try:
            found = read(content, tmp_path)
        except MaskError:
            continue
        np.testing.assert_array_equal(found, values)
    refused = [content for content in damaged if not _is_read(content, tmp_path)]
    assert len(refused) > len(damaged) - 12, "only what follows the last pixels may be missing or wrong"


def _is_read(data: bytes, tmp_path: Path) -> bool:
    try:
        read(data, tmp_path)
    except MaskError:
        return False
    return True


def test_reading_leaves_opencv_as_talkative_as_it_was(tmp_path: Path) -> None:
    level = cv2.utils.logging.getLogLevel()
    read(encoded(".png", NUMBERS), tmp_path)
    assert cv2.utils.logging.getLogLevel() == level

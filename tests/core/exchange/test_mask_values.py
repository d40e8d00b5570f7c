"""Masks whose values aren't class indices: stray values, palettes, transparency, 1 bit, colours, the unlabelled."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image

from unet_studio.core.classes import UNLABELLED, make_classes
from unet_studio.core.exchange.mask_reading import read_colours, read_mask
from unet_studio.core.exchange.mask_values import ValueTable, parse_table, read_classes, to_classes
from unet_studio.errors import MaskError

SLIDES = Path(__file__).parents[4] / "shared" / "data"
NUMBERS = np.random.default_rng(0).integers(0, 4, (13, 17)).astype(np.uint8)
CLASSES = make_classes("myelin", "axon")
LAND = make_classes("building", "land", "road", "vegetation", "water")
DUBAI = "#3C1098=building,#8429F6=land,#6EC1E4=road,#FEDD3A=vegetation,#E2A929=water,#9B9B9B=unlabelled"


def real(name: str) -> Path:
    path = SLIDES / name
    if not path.exists():
        pytest.skip(f"{name} is not here")
    return path


def saved(path: Path, values: NDArray[Any]) -> Path:
    """A mask file of grey, or red, green, blue (alpha) values."""
    if values.ndim == 3:
        values = cv2.cvtColor(values, cv2.COLOR_RGBA2BGRA if values.shape[2] == 4 else cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(path), values)
    return path


def classes_of(path: Path, table: ValueTable | None = None, **options: Any) -> list[list[int]]:
    (plane,) = read_classes(path, classes=3, table=table, **options)
    assert plane.dtype == np.uint8
    return plane.tolist()


# Numbers


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


# Stray values


def test_values_mean_what_the_table_says(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.png", np.array([[0, 127, 255, 9]], np.uint8))
    table = parse_table("0=background, 127=myelin, 255=axon, 9=unlabelled", CLASSES)
    assert classes_of(path, table) == [[0, 1, 2, UNLABELLED]]
    assert classes_of(path, parse_table("0=0,127=1,255=2,9=0", CLASSES)) == [[0, 1, 2, 0]]


@pytest.mark.parametrize("stray", [1, 127, 128, 130, 254])
def test_a_value_near_0_or_255_is_named_or_taken_for_it_on_request(tmp_path: Path, stray: int) -> None:
    path = saved(tmp_path / "m.png", np.array([[0, 255, stray, stray]], np.uint8))
    with pytest.raises(MaskError, match=rf"values whose meaning isn't given: {stray} \(2 pixels\)\. .*--nearest"):
        read_classes(path, classes=2, table=parse_table("0=background,255=axon", CLASSES))
    meant = 2 if stray > 127 else 0
    table = parse_table("0=background,255=axon", CLASSES, nearest=True)
    assert classes_of(path, table) == [[0, 2, meant, meant]]


def test_without_a_table_strays_lead_to_it(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.png", np.array([[0, 127, 130, 255]], np.uint8))
    with pytest.raises(MaskError, match=r"127 \(1 pixel\), 130 \(1 pixel\); .* what each value means with --meaning"):
        read_classes(path, classes=2)


@given(arrays(np.uint8, (5, 7)), st.dictionaries(st.integers(0, 255), st.integers(0, 2), min_size=1))
def test_the_nearest_listed_value_decides(values: NDArray[np.uint8], meanings: dict[int, int]) -> None:
    found = ValueTable(tuple(meanings.items()), nearest=True).to_classes(values)
    for value, index in zip(values.ravel().tolist(), found.ravel().tolist(), strict=True):
        closest = min(abs(value - listed) for listed in meanings)
        assert index in {meant for listed, meant in meanings.items() if abs(value - listed) == closest}


def test_smooth_masks_of_three_values_come_out_as_their_index_masks() -> None:
    """A real mask of 0, 127 and 255 with some 128, 130 and 233, against the same mask as indices."""
    path = real("axon_sem_dev/masks/sub-rat2_sample-data5_SEM.png")
    table = parse_table("0=background,127=myelin,255=axon", CLASSES, nearest=True)
    (plane,) = read_classes(path, classes=3, table=table)
    np.testing.assert_array_equal(plane, read_mask(real("axon_sem_dev/masks_index") / path.name))


# What isn't labelled


def test_255_can_be_a_class_or_unlabelled(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.png", np.array([[0, 1, 255]], np.uint8))
    assert classes_of(path) == [[0, 1, UNLABELLED]]
    assert classes_of(path, parse_table("0=background,1=myelin,255=axon", CLASSES)) == [[0, 1, 2]]
    binary = saved(tmp_path / "b.png", np.array([[0, 255]], np.uint8))
    (plane,) = read_classes(binary, classes=2, table=parse_table("0=background,255=unlabelled", CLASSES))
    assert plane.tolist() == [[0, UNLABELLED]]


def test_0_can_be_unlabelled(tmp_path: Path) -> None:
    path = tmp_path / "scribbles.tif"
    tifffile.imwrite(path, np.array([[[0, 1], [2, 0]], [[0, 0], [0, 1]]], np.int64), photometric="minisblack")
    found = read_classes(path, classes=3, table=parse_table("0=unlabelled,1=myelin,2=axon", CLASSES))
    assert found.tolist() == [[[255, 1], [2, 255]], [[255, 255], [255, 1]]]


# Kinds of files


def test_palette_masks_have_indices_and_colours(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1, 2, 1]], np.uint8), mode=None)
    image.putpalette([10, 20, 30, 255, 0, 0, 0, 0, 255])
    image.save(tmp_path / "m.png")
    assert classes_of(tmp_path / "m.png") == [[0, 1, 2, 1]]
    table = parse_table("#0A141E=background,#FF0000=axon,#0000FF=unlabelled", CLASSES)
    assert classes_of(tmp_path / "m.png", table) == [[0, 2, 255, 2]]


@pytest.mark.parametrize("alpha", [0, 77, 255])
def test_rgba_masks_count_without_their_transparency(tmp_path: Path, alpha: int) -> None:
    grey = np.array([[0, 1, 2]], np.uint8)
    assert classes_of(saved(tmp_path / "g.png", np.dstack([grey, grey, grey, np.full_like(grey, alpha)]))) == [
        [0, 1, 2]
    ]
    colours = np.array([[[0, 0, 0, alpha], [255, 0, 0, alpha], [0, 255, 0, 255]]], np.uint8)
    table = parse_table("#000000=background,#FF0000=myelin,#00FF00=axon", CLASSES)
    assert classes_of(saved(tmp_path / "c.png", colours), table) == [[0, 1, 2]]


def test_shapes_that_are_in_the_transparency_alone_are_refused(tmp_path: Path) -> None:
    white = np.full((1, 3), 255, np.uint8)
    alpha = np.array([[0, 255, 255]], np.uint8)
    with pytest.raises(MaskError, match="its shapes are in its transparency"):
        read_classes(saved(tmp_path / "m.png", np.dstack([white, white, white, alpha])), classes=2)
    Image.fromarray(np.dstack([white, alpha])).save(tmp_path / "la.png")
    with pytest.raises(MaskError, match="its shapes are in its transparency"):
        read_classes(tmp_path / "la.png", classes=2)


def test_masks_of_1_bit_are_classes_0_and_1(tmp_path: Path) -> None:
    bits = np.array([[True, False, True]])
    Image.fromarray(bits).save(tmp_path / "m.png")
    tifffile.imwrite(tmp_path / "m.tif", bits)
    for name in ("m.png", "m.tif"):
        assert classes_of(tmp_path / name) == [[1, 0, 1]]
        assert classes_of(tmp_path / name, parse_table("0=background,1=axon", CLASSES)) == [[2, 0, 2]]


# Colours


def test_colours_without_a_table_are_refused_and_lead_to_it(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.png", np.array([[[0, 0, 0], [60, 16, 152]]], np.uint8))
    with pytest.raises(MaskError, match=r"colour mask; .* --meaning, for example '#3C1098=roof'"):
        read_classes(path, classes=2)


def test_any_colour_but_black_can_be_foreground(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.png", np.array([[[0, 0, 0], [0, 0, 1], [3, 0, 0]]], np.uint8))
    assert classes_of(path, foreground="nonzero") == [[0, 1, 1]]
    deep = np.array([[[0, 0, 0], [0, 0, 1], [256, 0, 0]]], np.uint16)
    tifffile.imwrite(tmp_path / "deep.tif", deep, photometric="rgb")
    assert classes_of(tmp_path / "deep.tif", foreground="nonzero") == [[0, 1, 1]]


@pytest.mark.parametrize("name", ["tile1_001.png", "tile2_001.png", "tile3_004.png"])
def test_real_colour_masks_come_out_as_their_index_masks(name: str) -> None:
    """Some are palettes, some colours, and a few pixels have a colour that nobody explained."""
    path = real("dubai_dev/masks_original_rgb") / name
    table = parse_table(f"{DUBAI},#000000=unlabelled", LAND)
    (plane,) = read_classes(path, classes=6, table=table)
    index = read_mask(real("dubai_dev/masks") / name)
    np.testing.assert_array_equal(plane, np.where(index == 0, UNLABELLED, index))


def test_a_colour_that_nobody_explained_is_named_or_taken_for_the_nearest(tmp_path: Path) -> None:
    pixels = np.array([[[60, 16, 152], [61, 17, 150], [0, 0, 0]]], np.uint8)
    path = saved(tmp_path / "m.png", pixels)
    with pytest.raises(MaskError, match=r"colours whose meaning isn't given: #000000 \(1 pixel\), #3D1196 \(1 pixel\)"):
        read_classes(path, classes=6, table=parse_table(DUBAI, LAND))
    (plane,) = read_classes(path, classes=6, table=parse_table(DUBAI, LAND, nearest=True))
    assert plane.tolist() == [[1, 1, 1]]


@given(pixels=arrays(np.uint8, (3, 4, 3)))
def test_colours_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, pixels: NDArray[np.uint8]
) -> None:
    red, green, blue = np.moveaxis(pixels.astype(np.int64), -1, 0)
    for ending in (".png", ".tif", ".bmp"):
        path = tmp_path_factory.mktemp("colours") / f"m{ending}"
        Image.fromarray(pixels).save(path)
        np.testing.assert_array_equal(read_colours(path), red << 16 | green << 8 | blue)


def test_damaged_colour_masks_are_refused(tmp_path: Path) -> None:
    whole = saved(tmp_path / "m.png", np.zeros((40, 40, 3), np.uint8)).read_bytes()
    (tmp_path / "m.png").write_bytes(whole[:-20])
    with pytest.raises(MaskError, match="it ends too early"):
        read_colours(tmp_path / "m.png")


# Tables


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "doesn't say what a value of the masks means"),
        ("0", "doesn't say what a value of the masks means"),
        ("0:axon", r"Write VALUE=CLASS"),
        ("#12=axon", "doesn't say what a value"),
        ("0=tree", "“0=tree” names no class of the project. Known are: background, myelin, axon, unlabelled"),
        ("0=background,#FF0000=axon", "numbers and colours"),
        ("0=background,0=axon", "of one value twice"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(text: str, said: str) -> None:
    with pytest.raises(MaskError, match=said):
        parse_table(text, CLASSES)

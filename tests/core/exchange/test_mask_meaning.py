"""The values of all masks of an import mean the same, and every remedy that a message names gives the right labels."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from unet_studio.core.classes import UNLABELLED, LabelClass, make_classes
from unet_studio.core.exchange.mask_meaning import choose_table
from unet_studio.core.exchange.mask_values import parse_table, read_classes
from unet_studio.core.exchange.mask_writing import write_instances, write_mask, write_tiled_mask, written_values
from unet_studio.errors import MaskError

ONE, TWO = make_classes("nucleus"), make_classes("nucleus", "debris")


def saved(path: Path, *values: int) -> Path:
    cv2.imwrite(str(path), np.array([values], np.uint8))
    return path


def read(masks: list[Path], classes: tuple[LabelClass, ...] = ONE) -> list[list[int]]:
    table = choose_table(masks, classes)
    return [read_classes(mask, classes=len(classes), table=table)[0, 0].tolist() for mask in masks]


def test_0_and_255_alone_are_background_and_the_one_class(tmp_path: Path) -> None:
    masks = [saved(tmp_path / "a.png", 0, 255), saved(tmp_path / "b.png", 0, 0)]
    assert read(masks) == [[0, 1], [0, 0]]


def test_a_border_that_is_not_judged_is_unlabelled_in_the_slide_without_an_object_too(tmp_path: Path) -> None:
    masks = [saved(tmp_path / "a.png", 0, 1, 255), saved(tmp_path / "b.png", 0, 0, 255)]
    assert read(masks) == [[0, 1, UNLABELLED], [0, 0, UNLABELLED]]


@pytest.mark.parametrize(
    ("classes", "first"), [(ONE, (0, 1)), (TWO, (0, 2)), (TWO, (0, 0))], ids=["one", "two", "two, binary alone"]
)
def test_where_two_meanings_fit_both_are_named_and_what_each_gives(
    tmp_path: Path, classes: tuple[LabelClass, ...], first: tuple[int, int]
) -> None:
    masks = [saved(tmp_path / "a.png", *first), saved(tmp_path / "b.png", 0, 255)]
    with pytest.raises(MaskError, match="255 can mean two things") as caught:
        choose_table(masks, classes)
    assert "'b.png'" in str(caught.value)
    assert "The first makes 1 pixel" in str(caught.value)
    nucleus, unlabelled = (
        read_classes(masks[1], classes=len(classes), table=parse_table(meaning, classes))
        for meaning in re.findall(r"--meaning ([^;.\s]+)", str(caught.value))
    )
    assert nucleus.tolist() == [[[0, 1]]]
    assert unlabelled.tolist() == [[[0, UNLABELLED]]]


def test_a_mask_with_values_that_are_no_class_has_no_say(tmp_path: Path) -> None:
    masks = [saved(tmp_path / "a.png", 0, 1, 9, 255), saved(tmp_path / "b.png", 0, 255), tmp_path / "gone.png"]
    assert read(masks[1:2]) == [[0, 1]]
    table = choose_table(masks, ONE)
    assert read_classes(masks[1], classes=2, table=table).tolist() == [[[0, 1]]]
    with pytest.raises(MaskError, match=r"no class: 1 \(1 pixel\), 9 \(1 pixel\)"):
        read_classes(masks[0], classes=2, table=table)


@pytest.mark.parametrize("name", ["m.png", "m.tif", "tiled.tif"])
def test_what_this_program_exported_says_what_it_is(tmp_path: Path, name: str) -> None:
    """Strokes that only erase have the values of a binary mask."""
    strokes = np.full((30, 40), UNLABELLED, np.uint8)
    strokes[5:9] = 0
    if name == "tiled.tif":
        write_tiled_mask(tmp_path / name, [lambda box: strokes[box.slices]], strokes.shape)
    else:
        write_mask(tmp_path / name, strokes, pixel_size_um=0.5)
    assert written_values(tmp_path / name) == "index"
    found = read_classes(tmp_path / name, classes=2, table=choose_table([tmp_path / name], ONE))
    np.testing.assert_array_equal(found[0], strokes)


def test_binary_and_instances_are_told_apart_and_other_files_say_nothing(tmp_path: Path) -> None:
    write_mask(tmp_path / "b.png", np.eye(9, dtype=np.uint8), values="binary")
    write_instances(tmp_path / "i.tif", np.eye(9, dtype=np.int32))
    assert written_values(tmp_path / "b.png") == "binary"
    assert written_values(tmp_path / "i.tif") == "instances"
    assert written_values(saved(tmp_path / "o.png", 0, 255)) == written_values(tmp_path / "gone.png") == ""
    np.testing.assert_array_equal(np.array(Image.open(tmp_path / "b.png")), np.eye(9) * 255)
    table = choose_table([tmp_path / "b.png"], ONE)
    np.testing.assert_array_equal(read_classes(tmp_path / "b.png", classes=2, table=table)[0], np.eye(9))


def discs() -> NDArray[np.uint8]:
    mask = np.zeros((128, 160), np.uint8)
    for y, x in np.random.default_rng(0).integers(10, 118, (10, 2)):
        cv2.circle(mask, (int(x), int(y)), 8, 1, thickness=-1)
    return mask


@pytest.mark.parametrize("quality", [50, 75, 95])
def test_the_advice_for_a_jpeg_gives_the_right_labels(tmp_path: Path, quality: int) -> None:
    Image.fromarray(discs() * 255).save(tmp_path / "m.jpg", quality=quality)
    with pytest.raises(MaskError) as caught:
        read([tmp_path / "m.jpg"])
    said = str(caught.value)
    assert "nonzero" not in said
    (meaning,) = re.findall(r"use --meaning (\S+) --nearest", said)
    found = read_classes(tmp_path / "m.jpg", classes=2, table=parse_table(meaning, ONE, nearest=True))
    np.testing.assert_array_equal(found[0], discs())


def test_the_advice_for_numbers_of_objects_gives_the_right_labels(tmp_path: Path) -> None:
    numbers = cv2.connectedComponents(discs())[1].astype(np.uint8)
    cv2.imwrite(str(tmp_path / "m.png"), numbers)
    with pytest.raises(MaskError, match="use --foreground nonzero"):
        read([tmp_path / "m.png"])
    np.testing.assert_array_equal(read_classes(tmp_path / "m.png", classes=2, foreground="nonzero")[0], discs())

"""Sheets show input, truth and prediction of each slide side by side, in the colours of the classes."""

import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED, make_classes
from unet_studio.core.figures.sheets import SheetRow, draw_sheet

CLASSES = make_classes("axon", "myelin")
PANELS = [slice(8, 264), slice(272, 528), slice(536, 792)]


def row(height: int, width: int, truth: int, prediction: int, picture: int = 77) -> SheetRow:
    classes = [np.full((height, width), index, np.uint8) for index in (truth, prediction)]
    return SheetRow("a.png", np.full((height, width, 3), picture, np.uint8), *classes)


def middles(sheet: NDArray[np.uint8], y: int) -> list[list[int]]:
    return [sheet[y, (panel.start + panel.stop) // 2].tolist() for panel in PANELS]


def test_a_row_is_input_truth_and_prediction() -> None:
    sheet = draw_sheet([row(64, 64, 1, 2)], CLASSES)
    assert sheet.dtype == np.uint8
    assert middles(sheet, 48 + 128) == [[77, 77, 77], list(CLASSES[1].colour), list(CLASSES[2].colour)]


def test_background_is_black_and_what_is_unlabelled_grey() -> None:
    _, truth, prediction = middles(draw_sheet([row(64, 64, UNLABELLED, 0)], CLASSES), 48 + 128)
    assert truth == [90, 90, 90]
    assert prediction == [0, 0, 0]


def test_rows_come_one_below_the_other() -> None:
    sheet = draw_sheet([row(64, 64, 1, 1, picture=10), row(64, 64, 2, 2, picture=200)], CLASSES)
    first, second = middles(sheet, 48 + 128), middles(sheet, 48 + 264 + 24 + 128)
    assert first == [[10] * 3, list(CLASSES[1].colour), list(CLASSES[1].colour)]
    assert second == [[200] * 3, list(CLASSES[2].colour), list(CLASSES[2].colour)]


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 700), (700, 3), (512, 256), (1000, 1000)])
def test_slides_of_any_shape_keep_it(height: int, width: int) -> None:
    sheet = draw_sheet([row(height, width, 1, 2)], CLASSES)
    is_truth = (sheet == CLASSES[1].colour).all(axis=-1)[:-24]
    rows, columns = np.flatnonzero(is_truth.any(axis=1)), np.flatnonzero(is_truth.any(axis=0))
    tall, wide = len(rows), len(columns)
    assert max(tall, wide) == 256
    assert abs(tall - max(1, 256 * height / max(height, width))) <= 1
    assert abs(wide - max(1, 256 * width / max(height, width))) <= 1


def test_classes_are_never_mixed_by_scaling() -> None:
    mask = np.tile(np.array([[0, 1], [2, 255]], np.uint8), (150, 200))
    sheet = draw_sheet([SheetRow("a", np.zeros((*mask.shape, 3), np.uint8), mask, mask)], CLASSES)
    band = sheet[48 : 48 + 192, PANELS[1]].reshape(-1, 3)
    known = {(0, 0, 0), (90, 90, 90), CLASSES[1].colour, CLASSES[2].colour}
    assert {tuple(colour) for colour in np.unique(band, axis=0).tolist()} <= known


def test_many_classes_take_more_lines_below() -> None:
    few, many = (draw_sheet([], make_classes(*(f"class {n}" for n in range(count)))) for count in (2, 60))
    assert few.shape[0] == 48
    assert many.shape[0] > 100
    assert few.shape[1] == many.shape[1]

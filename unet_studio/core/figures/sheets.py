"""Sheets: slides, what is true of them and what a model said, side by side in one picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from unet_studio.core.classes import BACKGROUND, UNLABELLED, LabelClass, class_colour

_SIDE = 256
"""The longer side of each picture on a sheet, in pixels."""
_GAP = 8
_LINE = 24
_TITLES = ("input", "truth", "prediction")
_UNLABELLED_GREY = (90, 90, 90)
_INK = (30, 30, 30)


@dataclass(frozen=True, slots=True, eq=False)
class SheetRow:
    """A slide, or a part of one, by name: its picture (h, w, 3) RGB, and the true and the predicted classes (h, w)."""

    name: str
    picture: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    prediction: NDArray[np.uint8]


def draw_sheet(rows: Sequence[SheetRow], classes: Sequence[LabelClass]) -> NDArray[np.uint8]:
    """Input, truth and prediction of each row beside each other, (h, w, 3) RGB, with the colours of the classes below.

    Background is black and what is unlabelled grey.
    """
    colours = _colours(classes)
    bands = [_titles()]
    for row in rows:
        pictures = [row.picture, colours[row.truth], colours[row.prediction]]
        kinds = [cv2.INTER_AREA, cv2.INTER_NEAREST, cv2.INTER_NEAREST]
        panels = [_fit(picture, kind) for picture, kind in zip(pictures, kinds, strict=True)]
        bands += [_caption(row.name), _beside(panels)]
    return np.concatenate([*bands, _legend(classes)])


def _colours(classes: Sequence[LabelClass]) -> NDArray[np.uint8]:
    """The colour of each class index, (256, 3)."""
    table = np.array([class_colour(index) for index in range(256)], np.uint8)
    for one in classes:
        table[one.index] = one.colour
    table[BACKGROUND], table[UNLABELLED] = 0, _UNLABELLED_GREY
    return table


def _fit(picture: NDArray[np.uint8], interpolation: int) -> NDArray[np.uint8]:
    """The picture reduced or magnified, so that its longer side is that of the sheet's pictures."""
    height, width = picture.shape[:2]
    scale = _SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    kind = cv2.INTER_NEAREST if scale > 1 else interpolation
    return np.asarray(cv2.resize(picture, size, interpolation=kind), np.uint8)


def _width() -> int:
    return len(_TITLES) * (_SIDE + _GAP) + _GAP


def _beside(panels: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    band = np.full((panels[0].shape[0] + _GAP, _width(), 3), 255, np.uint8)
    for index, panel in enumerate(panels):
        left = _GAP + index * (_SIDE + _GAP)
        band[: panel.shape[0], left : left + panel.shape[1]] = panel
    return band


def _titles() -> NDArray[np.uint8]:
    image = Image.new("RGB", (_width(), _LINE), (255, 255, 255))
    for index, title in enumerate(_TITLES):
        middle = (_GAP + index * (_SIDE + _GAP) + _SIDE // 2, _LINE // 2)
        ImageDraw.Draw(image).text(middle, title, _INK, ImageFont.load_default(15), anchor="mm")
    return np.asarray(image)


def _caption(text: str) -> NDArray[np.uint8]:
    image = Image.new("RGB", (_width(), _LINE), (255, 255, 255))
    ImageDraw.Draw(image).text((_GAP, _LINE // 2), text, _INK, ImageFont.load_default(12), anchor="lm")
    return np.asarray(image)


def _legend(classes: Sequence[LabelClass]) -> NDArray[np.uint8]:
    """The names of the classes but background after their colours, in as many lines as they take."""
    font = ImageFont.load_default(12)
    places, x, y = [], _GAP, 0
    for one in classes[1:]:
        width = round(font.getlength(one.name)) + 34
        if x > _GAP and x + width > _width():
            x, y = _GAP, y + _LINE
        places.append((x, y))
        x += width
    image = Image.new("RGB", (_width(), y + _LINE), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    for one, (x, y) in zip(classes[1:], places, strict=True):
        draw.rectangle((x, y + 6, x + 12, y + 18), one.colour)
        draw.text((x + 18, y + _LINE // 2), one.name, _INK, font, anchor="lm")
    return np.asarray(image)

"""Objects: what can be done with the one under the cursor, a 4-connected region of one class of a mask."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND
from unet_studio.core.cleaning.clean_up import clean_up
from unet_studio.core.cleaning.steps import LARGEST_RADIUS, Step
from unet_studio.core.editing.flood import class_region
from unet_studio.core.editing.regions import Region, holes_of
from unet_studio.core.editing.repaint import Repaint
from unet_studio.core.editing.splitting import waist_lines
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.tiles import Box
from unet_studio.errors import StudioError

_FREE, _OWN, _TAKEN = 0, 1, 2
"""What a pixel is to an object: background that it may grow into, its own, or another object's."""
_FAINTEST = 0.25
"""An object whose outline smoothing leaves this faint or fainter is thinner than the smoothing is wide."""
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


class ObjectError(StudioError):
    """What was asked can't be done with the object under the cursor."""


def object_at(view: MaskView, pixel: tuple[int, int]) -> Region:
    """The object of a mask at `pixel` (y, x); raises ObjectError where there is background, or no plane.

    Raises RegionError where it is too large for one edit.
    """
    region = class_region(view, pixel)
    if region.is_empty or _class_of(view, region) == BACKGROUND:
        raise ObjectError("There is no object under the cursor, only background. Point at an object and try again.")
    return region


def relabel(object_: Region, index: int) -> Repaint:
    """Give the object another class."""
    return Repaint.with_class(object_, index)


def delete(object_: Region) -> Repaint:
    """Turn the object into background."""
    return Repaint.with_class(object_, BACKGROUND)


def grow(view: MaskView, object_: Region, radius: int) -> Repaint:
    """Let the object take the background within `radius` pixels (1 to `LARGEST_RADIUS`).

    It takes no other class's pixel, doesn't jump over other objects, and keeps a pixel's distance from the objects of
    its own class, so that it stays an object of its own. Raises ObjectError where the radius is out of range.
    """
    _check(radius)
    box, pixels = _surroundings(view, object_, margin=radius)
    grown = _touching(pixels == _OWN, clean_up(pixels, [Step("dilate", radius, _OWN)]) == _OWN)
    return Repaint.with_class(Region(box, grown & (pixels != _OWN)), _class_of(view, object_))


def shrink(view: MaskView, object_: Region, radius: int) -> Repaint:
    """Turn the object's pixels that have an outside pixel within `radius` (1 to `LARGEST_RADIUS`) into background.

    The edge of the plane is no outside. Raises ObjectError where nothing would be left, or the radius is out of range.
    """
    _check(radius)
    box = object_.box.grow(1).intersect(Box.of_shape(view.labels.shape))
    pixels = _placed(object_, box).view(np.uint8)
    lost = pixels > clean_up(pixels, [Step("erode", radius, _OWN)])
    if np.array_equal(lost, pixels):
        raise ObjectError(
            f"Shrinking by {radius} pixels would leave nothing of this object. Take a smaller radius, or delete it."
        )
    return Repaint.with_class(Region(box, lost), BACKGROUND)


def smooth(view: MaskView, object_: Region, radius: int) -> Repaint:
    """Round off the object's outline; bumps, gaps and necks narrower than about `radius` pixels go, the area stays.

    One step of motion by mean curvature, made by blurring and thresholding (Merriman, Bence & Osher 1992), at
    the threshold that keeps the area (Ruuth & Wetton 2003). The blur is three box means, nearly a Gaussian with a
    standard deviation of radius + ½ (Wells 1986). It takes background under the same conditions as `grow`. Raises
    ObjectError where the object is thinner than the smoothing is wide, or the radius is out of range.
    """
    _check(radius)
    box, pixels = _surroundings(view, object_, margin=3 * radius)
    own = pixels == _OWN
    blurred = own.astype(np.float32)
    for _ in range(3):
        blurred = cv2.blur(blurred, (2 * radius + 1, 2 * radius + 1), borderType=cv2.BORDER_REPLICATE)
    blurred[pixels == _TAKEN] = 0
    level = _level_of_area(blurred, object_.area)
    smoothed = _touching(own, blurred >= level)
    if level <= _FAINTEST or not smoothed.any():
        raise ObjectError(f"This object is too thin to be smoothed by {radius} pixels. Take a smaller radius.")
    values = np.where(smoothed, np.uint8(_class_of(view, object_)), np.uint8(BACKGROUND))
    return Repaint(Region(box, smoothed != own), values)


def split(object_: Region) -> Repaint:
    """Cut the object at its waists by lines of background, one pixel wide; raises ObjectError where it has none."""
    lines = waist_lines(object_)
    if lines is None:
        raise ObjectError("This object has no waist at which it could be split. Cut it with the eraser.")
    return Repaint.with_class(Region(object_.box, lines), BACKGROUND)


def fill_object_holes(view: MaskView, object_: Region) -> Repaint:
    """Give the background in the object's holes the object's class; other objects in them stay what they are."""
    holes = holes_of(object_).inside & (view.read(object_.box) == BACKGROUND)
    return Repaint.with_class(Region(object_.box, holes), _class_of(view, object_))


def _check(radius: int) -> None:
    if not 1 <= radius <= LARGEST_RADIUS:
        raise ObjectError(f"The radius must be from 1 to {LARGEST_RADIUS} pixels, not {radius}.")


def _class_of(view: MaskView, object_: Region) -> int:
    row, column = np.unravel_index(np.argmax(object_.inside), object_.inside.shape)
    y, x = object_.box.y0 + int(row), object_.box.x0 + int(column)
    return int(view.read(Box(y, x, y + 1, x + 1))[0, 0])


def _placed(object_: Region, box: Box) -> NDArray[np.bool_]:
    """The object's pixels as bool (h, w) of a box around it."""
    placed = np.zeros(box.shape, dtype=bool)
    placed[object_.box.within(box)] = object_.inside
    return placed


def _surroundings(view: MaskView, object_: Region, *, margin: int) -> tuple[Box, NDArray[np.uint8]]:
    """The box as far as `margin` around the object, and for each of its pixels _FREE, _OWN or _TAKEN.

    Background beside another object of the same class counts as taken, since the two would become one.
    """
    box = object_.box.grow(margin).intersect(Box.of_shape(view.labels.shape))
    around = box.grow(1).intersect(Box.of_shape(view.labels.shape))
    mask, own = view.read(around), _placed(object_, around)
    others = ((mask == _class_of(view, object_)) & ~own).view(np.uint8)
    taken = (mask != BACKGROUND) | (cv2.dilate(others, _CROSS) > 0)
    pixels = np.where(own, np.uint8(_OWN), np.where(taken, np.uint8(_TAKEN), np.uint8(_FREE)))
    return box, np.ascontiguousarray(pixels[box.within(around)])


def _touching(own: NDArray[np.bool_], pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The 4-connected components of `pixels` that share a pixel with `own`."""
    count, numbers = cv2.connectedComponents(pixels.view(np.uint8), connectivity=4)
    kept = np.zeros(count, dtype=bool)
    kept[numbers[own & pixels]] = True
    return np.asarray(kept[np.asarray(numbers)])


def _level_of_area(values: NDArray[np.float32], area: int) -> float:
    """The level at or above which `values`, 0…1, has `area` pixels, or more where several have the level itself."""
    undecided = values[(values > 0) & (values < 1)]  # few, and a partition takes long where many are equal
    missing = area - int(np.count_nonzero(values >= 1))
    if missing <= 0:
        return 1.0
    return float(np.partition(undecided, undecided.size - missing)[undecided.size - missing])

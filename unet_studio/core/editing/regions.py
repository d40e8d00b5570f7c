"""Regions: the pixels that a tool selects, as a value that every edit of an area can take."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.cleaning.clean_up import clean_up
from unet_studio.core.cleaning.steps import Step
from unet_studio.core.tiles import Box, cells_over, tile_box
from unet_studio.errors import RegionError

LARGEST_AREA = 8192 * 8192
"""The largest box of a region, in pixels, so that one click can't take all memory."""

_SPECK = 16
_FILL_SPECKS = Step("fill-holes", _SPECK, 1)
_BLOCK = 2048


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Some pixels of a plane: those of `box`, which lies on the plane, where `inside` (h, w), bool, is True."""

    box: Box
    inside: NDArray[np.bool_]

    @property
    def is_empty(self) -> bool:
        return not self.inside.any()

    @property
    def area(self) -> int:
        """Pixels inside."""
        return int(np.count_nonzero(self.inside))


NOWHERE = Region(Box(0, 0, 0, 0), np.zeros((0, 0), dtype=bool))
"""The region without a pixel."""


def check_size(box: Box, limit: int = LARGEST_AREA) -> None:
    """Raise RegionError where a region's box has more than `limit` pixels."""
    if box.height * box.width > limit:
        side = int(limit**0.5)
        raise RegionError(
            f"This region is too large: it spans {box.height} × {box.width} pixels or more, and one edit can "
            f"take about {side} × {side}. Close it off with a brush stroke, or work on a smaller part."
        )


def union(first: Region, second: Region) -> Region:
    """The pixels of either; raises RegionError where they lie too far apart for one region."""
    box = first.box.union(second.box)
    check_size(box)
    inside = np.zeros(box.shape, dtype=bool)
    for region in (first, second):
        if not region.box.is_empty:
            inside[region.box.within(box)] |= region.inside
    return Region(box, inside)


def minus(region: Region, other: Region) -> Region:
    """The pixels of `region` that aren't in `other`."""
    inside = region.inside.copy()
    common = region.box.intersect(other.box)
    if not common.is_empty:
        inside[common.within(region.box)] &= ~other.inside[common.within(other.box)]
    return Region(region.box, inside)


def holes_of(region: Region) -> Region:
    """The pixels outside that no 4-connected path leads away from; a gap at the edge of the plane is no hole."""
    if region.box.is_empty:
        return NOWHERE
    around = np.pad(region.inside.view(np.uint8), 1)
    cv2.floodFill(around, None, (0, 0), 1, flags=4)
    return Region(region.box, around[1:-1, 1:-1] == 0)


def fill_specks(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`inside` (h, w) without its holes of up to 16 pixels, which noise leaves and nobody wants to paint over."""
    filled = np.empty_like(inside)
    whole = Box.of_shape(inside.shape)
    for cell in cells_over(whole, _BLOCK):  # in blocks, since numbering the holes takes twelve bytes a pixel
        block = tile_box(cell, _BLOCK).intersect(whole)
        around = block.grow(_SPECK + 1).intersect(whole)
        bits = np.ascontiguousarray(inside[around.slices]).view(np.uint8)
        filled[block.slices] = clean_up(bits, [_FILL_SPECKS])[block.within(around)]
    return filled

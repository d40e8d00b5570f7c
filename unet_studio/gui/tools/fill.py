"""Fill and magic wand: a press finds the region around a pixel."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.byte_cache import ByteCache
from unet_studio.core.editing.flood import class_region, wand_region
from unet_studio.core.editing.regions import Region
from unet_studio.core.tiles import Box
from unet_studio.errors import RegionError
from unet_studio.gui.session.open_plane import OpenPlane
from unet_studio.gui.session.painting import Painting
from unet_studio.gui.tools.tool import NOTHING, CanvasTool, Pointer, Preview

_TOLERANCE = 0.08
"""The wand's first tolerance, as a share of the range of grey around the pixel."""
_AROUND = 256
_REMEMBERED = 64 << 20
"""Bytes of pixels that a drag keeps, of which it asks for the same again and again."""
_DRAG_DOUBLES = 80.0
"""Window pixels to the right that double the tolerance; to the left they halve it."""


class Fill(CanvasTool):
    """Gives the region of equal class around a pixel the active class; with Alt background."""

    is_held = False

    def press(self, at: Pointer) -> None:
        plane, seed = self._painting.plane(), (math.floor(at.y), math.floor(at.x))
        if plane is not None and plane.contains(seed):
            region = class_region(plane.view, seed)
            self._painting.paint(plane, region, self.painted(alt=at.alt), self.tr("fill with"))


class Wand(CanvasTool):
    """Selects pixels of like intensity around a pixel; dragging right takes more, left fewer, and letting go paints.

    The tolerance stays for the next press. Alt paints background.
    """

    def __init__(self, painting: Painting) -> None:
        super().__init__(painting)
        self._share = _TOLERANCE
        self._plane: OpenPlane | None = None
        self._pressed: Pointer | None = None
        self._pressed_share = _TOLERANCE
        self._read: Callable[[Box], NDArray[Any]] | None = None
        self._range = 1.0
        self._region: Region | None = None

    def press(self, at: Pointer) -> None:
        self.cancel()
        plane, seed = self._painting.plane(), (math.floor(at.y), math.floor(at.x))
        if plane is None or not plane.contains(seed):
            return
        read = _remembering(plane)
        self._range = _spread(read, seed, plane.shape)
        self._plane, self._pressed, self._pressed_share, self._read = plane, at, self._share, read
        self._select(plane)

    def drag(self, at: Pointer) -> None:
        plane, pressed = self._plane, self._pressed
        if plane is not None and pressed is not None:
            doublings = (at.x - pressed.x) * at.zoom / _DRAG_DOUBLES
            self._share = float(np.clip(self._pressed_share * 2.0**doublings, 1e-3, 1.0))
            self._select(plane)

    def release(self, at: Pointer) -> None:
        self.finish()

    @property
    def is_under_way(self) -> bool:
        return self._pressed is not None

    def finish(self) -> None:
        plane, region, pressed = self._plane, self._region, self._pressed
        self.cancel()
        if plane is not None and region is not None and pressed is not None:
            self._painting.paint(plane, region, self.painted(alt=pressed.alt), self.tr("wand"))

    def cancel(self) -> None:
        self._plane = self._pressed = self._region = self._read = None
        self.previewed.emit(NOTHING)

    def _select(self, plane: OpenPlane) -> None:
        assert self._pressed is not None and self._read is not None
        seed = (math.floor(self._pressed.y), math.floor(self._pressed.x))
        try:
            region = wand_region(self._read, seed, self._share * self._range, plane.shape)
        except RegionError:
            return  # far too much: the last region that could be found stays
        self._region = region
        self.previewed.emit(Preview(region=region, text=self.tr("± {0} %").format(f"{100 * self._share:.2g}")))


def _spread(read: Callable[[Box], NDArray[Any]], seed: tuple[int, int], shape: tuple[int, int]) -> float:
    """How far the values around a pixel lie apart, but for the most extreme ones."""
    around = Box(*seed, seed[0] + 1, seed[1] + 1).grow(_AROUND).intersect(Box.of_shape(shape))
    values = np.asarray(read(around), dtype=np.float32)
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, (1, 99)) if finite.size else (0.0, 0.0)
    return float(high - low) or 1.0


def _remembering(plane: OpenPlane) -> Callable[[Box], NDArray[Any]]:
    """Raw pixels of a plane, each box read only once: a drag asks for the same ones again and again."""
    kept = ByteCache[Box, NDArray[Any]](_REMEMBERED, lambda pixels: pixels.nbytes)
    return lambda box: kept.get(box, lambda: plane.reader.read(plane.id.plane, box))

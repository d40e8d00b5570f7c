"""The layer of a mask over the slide."""

import time
from collections.abc import Callable
from functools import reduce

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QTimer
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from unet_studio.core.classes import BACKGROUND, UNLABELLED
from unet_studio.core.figures.mask_colours import outline
from unet_studio.core.masks.mask_view import MaskView, lay_over
from unet_studio.core.tiles import TILE, Box, cells_over, tile_box
from unet_studio.errors import StudioError
from unet_studio.gui.background import Background
from unet_studio.gui.canvas.tile_cache import Key, TileCache
from unet_studio.gui.canvas.tile_layer import TileLayer, scene_rect

_CLEANED_ROOM = 16 << 20
"""Bytes of the cleaned-up proposal that are kept; on a large screen twice as many as are shown."""
_CLEANED_BYTES = (TILE + 2) ** 2
_TILES_A_BLOCK = 4
_BUDGET = 0.003
"""Seconds a frame may spend on mask tiles that a coarser one can stand in for; the rest comes with the next frame.

Each frame works one out at the least, however long all else takes: on a slow machine too the picture gets sharp.
"""
_NOTHING = QImage()
"""The picture of a tile in which there is nothing to paint; it takes no memory."""


class MaskLayer(TileLayer):
    """The mask over the slide: labels at once, the cleaned-up proposal as soon as a thread has it.

    While a new clean-up is worked out the old one stays, so that nothing flickers under a moving slider. `tell` is told
    once for each plane and proposal if part of it can't be worked out; labels, and what can be, are still shown.
    """

    def __init__(self, background: Background, tell: Callable[[str], None]) -> None:
        super().__init__(tell)
        self._background = background
        self._view: MaskView | None = None
        self._version = 0
        self._fill = np.zeros(256, dtype=np.uint32)
        self._line = np.zeros(256, dtype=np.uint32)
        self._outlined = self._is_smooth = False
        self._cleaned: TileCache[tuple[int, NDArray[np.uint8]]] = TileCache(_CLEANED_ROOM, lambda tile: tile[1].nbytes)
        self._asked: set[Key] = set()  # of the version
        self._missing: list[Key] = []
        self._spent = 0.0  # seconds of this frame
        self._is_put_off = False
        self._stale: dict[Key, Box] = {}  # parts of pictures in which labels changed since

    def show_mask(self, view: MaskView | None, shape: tuple[int, int]) -> None:
        """Show another plane's mask."""
        self._told = False
        self._cleaned.clear()
        self._stale.clear()
        self._renew(view)
        self.set_shape(shape)

    def change_mask(self, view: MaskView) -> None:
        """Show the same plane with another proposal, threshold or clean-up."""
        if view.proposal is None:  # nothing will come that replaces the old mask
            self._cleaned.clear()
            self._images.clear()
            self._stale.clear()
        before = self._view.proposal if self._view is not None else None
        if before is None or view.proposal is None or before.id != view.proposal.id:  # a kept one moved to another file
            self._told = False
        self._renew(view)
        self.update()

    def _renew(self, view: MaskView | None) -> None:
        self._view = view
        self._version += 1
        self._asked.clear()

    def make_room(self, tiles: int) -> None:
        super().make_room(tiles)
        self._cleaned.make_room(2 * tiles * _CLEANED_BYTES)

    def set_colours(self, fill: NDArray[np.uint8], line: NDArray[np.uint8], *, outlined: bool) -> None:
        """Tables (256, 4) of premultiplied blue, green, red, alpha for areas and for outlines."""
        self._fill, self._line = (table.view(np.uint32)[:, 0] for table in (fill, line))
        self._outlined = outlined
        self._is_smooth = outlined  # areas look the same either way; lines would break
        self._images.clear()
        self.update()

    def refresh(self, box: Box) -> None:
        """Labels inside `box` changed; of the pictures only that part is worked out again, once it is shown."""
        if box.is_empty or self._view is None:
            return
        for level in range(self._top_level + 1):
            size = 1 << level
            changed = Box(box.y0 // size, box.x0 // size, -(-box.y1 // size), -(-box.x1 // size)).grow(1)
            for cell in cells_over(changed.intersect(self.level_extent(level))):
                if (level, cell) in self._images:
                    self._make_stale((level, cell), changed)
        self.update(scene_rect(box.grow(2), 0))

    def tile_image(self, key: Key) -> QImage | None:
        view = self._view
        if view is None:
            return None
        if view.proposal is not None and self._cleaned.get(key, (-1,))[0] != self._version:
            self._missing.append(key)
        if key not in self._images:
            if self._spent > _BUDGET and self._can_wait(key):
                self._is_put_off = True
                return None
            start = time.perf_counter()
            self._compose(key, self._extent(key))
            self._spent += time.perf_counter() - start
        elif key in self._stale:
            self._compose(key, self._stale[key])
        return self._images[key]

    def _can_wait(self, key: Key) -> bool:
        """Whether a coarser tile shows the same labels meanwhile."""
        coarse = self.stand_in(key)
        return coarse is not None and coarse not in self._stale

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        self._missing.clear()
        self._spent, self._is_put_off = 0.0, False
        super().paint(painter, option, widget)
        if self._is_put_off:
            QTimer.singleShot(0, self.scene(), self.update)
        wanted = [key for key in self._missing if key not in self._asked]
        # The surroundings that a clean-up needs are shared by a block of tiles; two blocks keep two cores busy.
        half = (len(wanted) + 1) // 2 if len(wanted) > _TILES_A_BLOCK else len(wanted)
        for block in (wanted[:half], wanted[half:]):
            if block:
                self._ask(block)

    def _ask(self, keys: list[Key]) -> None:
        """Have the cleaned-up proposal of some tiles of one level worked out, all at once."""
        view, version, level = self._view, self._version, keys[0][0]
        assert view is not None
        self._asked.update(keys)
        boxes = {key: self._around(key) for key in keys}
        whole = reduce(Box.union, boxes.values())

        def work() -> NDArray[np.uint8] | None:
            if version != self._version:
                return None  # the slider has moved on
            return view.cleaned(whole, shrink=1 << level)

        def arrived(cleaned: NDArray[np.uint8] | None) -> None:
            if version == self._version and cleaned is not None:
                self._asked.difference_update(keys)
                for key, box in boxes.items():
                    self._take(key, cleaned[box.within(whole)].copy())

        def failed(problem: StudioError) -> None:
            if version == self._version:
                self._fail(keys, problem)

        self._background.run("working out the mask", work, arrived, failed=failed)

    def _fail(self, keys: list[Key], problem: StudioError) -> None:
        """One tile spoils all that were asked for with it, so these are asked for in smaller blocks.

        One that fails alone shows labels only, as where nothing is proposed, and isn't tried again at every repaint.
        """
        self.tell_once(problem)
        if len(keys) == 1:
            self._asked.difference_update(keys)
            self._take(keys[0], np.full(self._around(keys[0]).shape, BACKGROUND, np.uint8))
        else:
            self._ask(keys[: len(keys) // 2])
            self._ask(keys[len(keys) // 2 :])

    def _take(self, key: Key, cleaned: NDArray[np.uint8]) -> None:
        self._cleaned.put(key, (self._version, cleaned))
        self._make_stale(key, self._extent(key))
        self.update_tile(key)

    def _make_stale(self, key: Key, part: Box) -> None:
        inside = part.intersect(self._extent(key))
        self._stale[key] = self._stale[key].union(inside) if key in self._stale else inside

    def _extent(self, key: Key) -> Box:
        """What a tile shows, in pixels of its level."""
        return tile_box(key[1]).intersect(self.level_extent(key[0]))

    def _around(self, key: Key) -> Box:
        """A tile and one pixel more on each side, so that outlines join."""
        return tile_box(key[1]).grow(1).intersect(self.level_extent(key[0]))

    def _compose(self, key: Key, part: Box) -> None:
        """Work out the picture of `part` of a tile from labels and cleaned-up proposal."""
        assert self._view is not None
        self._stale.pop(key, None)
        extent, whole = self._extent(key), self._around(key)
        image = self._images.get(key, _NOTHING)
        if image.isNull():
            part = extent
        around = part.grow(1).intersect(whole)
        labels = self._view.labels.read(around, shrink=1 << key[0])
        cleaned = self._cleaned.get(key)
        if image.isNull() and cleaned is None and (labels == UNLABELLED).all():
            self._images.put(key, image)
            return
        under = cleaned[1][around.within(whole)] if cleaned else np.uint8(BACKGROUND)
        mask = lay_over(labels, np.broadcast_to(under, labels.shape))
        colours = cv2.LUT(mask, self._fill.view(np.int32)).view(np.uint32)
        if self._outlined:
            edges = outline(mask)
            colours[edges] = self._line[mask[edges]]
        if image.isNull() and colours.any():
            image = QImage(extent.width, extent.height, QImage.Format.Format_ARGB32_Premultiplied)
        if not image.isNull():
            pixels = np.frombuffer(image.bits(), np.uint32).reshape(extent.shape)
            pixels[part.within(extent)] = colours[part.within(around)]
        self._images.put(key, image)

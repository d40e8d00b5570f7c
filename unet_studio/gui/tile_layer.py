"""Layers of the canvas: each paints only the visible tiles, at the level that fits the zoom."""

import math
from collections import OrderedDict
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from unet_studio.core.classes import BACKGROUND
from unet_studio.core.display import Contrast, outline, to_rgb
from unet_studio.core.masks import MaskView, lay_over
from unet_studio.core.reading import SlideReader
from unet_studio.core.tiles import TILE, Box, Cell, cells_over, tile_box
from unet_studio.gui.background import Background

Key = tuple[int, Cell]
"""(level, cell): at level n a tile covers 256 · 2ⁿ pixels of the plane."""
_MAX_LEVEL = 8
_KEPT_TILES = 1024
_TILES_A_BLOCK = 4


class TileLayer(QGraphicsItem):
    """A plane-sized item that draws tiles; a subclass says what is in one.

    Until a tile is there, the same part of a coarser one stands in for it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)
        self._shape = (0, 0)
        self._images: OrderedDict[Key, QImage] = OrderedDict()

    def tile_image(self, key: Key) -> QImage | None:
        """The tile's picture, or None while it is being fetched."""
        raise NotImplementedError

    def set_shape(self, shape: tuple[int, int]) -> None:
        self.prepareGeometryChange()
        self._shape = shape
        self._images.clear()
        self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(0, 0, self._shape[1], self._shape[0])

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        world = painter.worldTransform()
        scale = option.levelOfDetailFromTransform(world)
        level = self._level_at(scale * (widget.devicePixelRatioF() if widget else 1.0))
        exposed = option.exposedRect
        visible = self._level_box(exposed, level)
        painter.save()
        # Targets are rounded to whole pixels of the window, so that neighbouring tiles meet without a seam.
        painter.resetTransform()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < 2)
        for cell in cells_over(visible):
            area = tile_box(cell).intersect(self.level_extent(level))
            target = world.mapRect(_scene_rect(area, level)).toRect()
            self._draw(painter, target, (level, cell), area)
        painter.restore()

    def level_extent(self, level: int) -> Box:
        """The whole plane in pixels of a level."""
        return Box(0, 0, -(-self._shape[0] >> level), -(-self._shape[1] >> level))

    def keep_image(self, key: Key, image: QImage) -> None:
        self._images[key] = image
        self._images.move_to_end(key)
        while len(self._images) > _KEPT_TILES:
            self._images.popitem(last=False)

    def update_tile(self, key: Key) -> None:
        """Have a tile painted again."""
        self.update(_scene_rect(tile_box(key[1]), key[0]))

    def _draw(self, painter: QPainter, target: QRect, key: Key, area: Box) -> None:
        image = self.tile_image(key)
        if image is not None:
            painter.drawImage(target, image)
            return
        level, (row, column) = key
        for up in range(1, _MAX_LEVEL - level + 1):
            coarse = self._images.get((level + up, (row >> up, column >> up)))
            if coarse is not None:
                inside = _part_of(tile_box((row >> up, column >> up)), area, up)
                painter.drawImage(QRectF(target), coarse, inside)
                return

    def _level_at(self, scale: float) -> int:
        if scale <= 0:
            return _MAX_LEVEL
        top = max(0, math.ceil(math.log2(max(1, *self._shape) / TILE)))
        return min(max(0, math.floor(math.log2(1 / scale) + 0.01)), _MAX_LEVEL, top)

    def _level_box(self, rect: QRectF, level: int) -> Box:
        size = 1 << level
        return Box(
            math.floor(rect.top() / size),
            math.floor(rect.left() / size),
            math.ceil(rect.bottom() / size),
            math.ceil(rect.right() / size),
        ).intersect(self.level_extent(level))


class SlideLayer(TileLayer):
    """The slide's own pixels, read off the GUI thread and shown with the chosen contrast."""

    def __init__(self, background: Background) -> None:
        super().__init__()
        self._background = background
        self._reader: SlideReader | None = None
        self._plane = 0
        self._contrast = Contrast(0, 255)
        self._raw: OrderedDict[Key, NDArray[np.generic]] = OrderedDict()
        self._asked: set[Key] = set()

    def show_plane(self, reader: SlideReader | None, plane: int, contrast: Contrast) -> None:
        self._reader, self._plane, self._contrast = reader, plane, contrast
        self._raw.clear()
        self._asked.clear()
        self.set_shape((reader.info.height, reader.info.width) if reader else (0, 0))

    def set_contrast(self, contrast: Contrast) -> None:
        self._contrast = contrast
        self._images.clear()
        self.update()

    def value_at(self, y: int, x: int) -> NDArray[np.generic] | None:
        """The raw values (channels,) of a pixel, from the finest tile at hand; None while there is none."""
        for level in range(_MAX_LEVEL + 1):
            row, column = y >> level, x >> level
            pixels = self._raw.get((level, (row // TILE, column // TILE)))
            if pixels is not None:
                value: NDArray[np.generic] = pixels[row % TILE, column % TILE]
                return value
        return None

    def tile_image(self, key: Key) -> QImage | None:
        image = self._images.get(key)
        if image is None and key in self._raw:
            image = _rgb_image(to_rgb(self._raw[key], self._contrast))
            self.keep_image(key, image)
        if image is None:
            self._ask(key)
        return image

    def _ask(self, key: Key) -> None:
        reader, plane = self._reader, self._plane
        if reader is None or key in self._asked:
            return
        self._asked.add(key)
        level, cell = key
        box = tile_box(cell).intersect(self.level_extent(level))

        def arrived(pixels: object) -> None:
            if self._reader is reader and self._plane == plane and isinstance(pixels, np.ndarray):
                self._raw[key] = pixels
                self._asked.discard(key)
                while len(self._raw) > _KEPT_TILES:
                    self._raw.popitem(last=False)
                self.update_tile(key)

        self._background.run(lambda: reader.read(plane, box, shrink=1 << level), arrived)


class MaskLayer(TileLayer):
    """The mask over the slide: labels at once, the cleaned-up proposal as soon as a thread has it.

    While a new clean-up is worked out the old one stays, so that nothing flickers under a moving slider.
    """

    def __init__(self, background: Background) -> None:
        super().__init__()
        self._background = background
        self._view: MaskView | None = None
        self._version = 0
        self._fill = np.zeros((256, 4), dtype=np.uint8)
        self._line = np.zeros((256, 4), dtype=np.uint8)
        self._outlined = False
        self._cleaned: OrderedDict[Key, tuple[int, NDArray[np.uint8]]] = OrderedDict()
        self._asked: set[tuple[int, Key]] = set()
        self._missing: list[Key] = []
        self._buffers: dict[Key, NDArray[np.uint8]] = {}

    def show_mask(self, view: MaskView | None, shape: tuple[int, int]) -> None:
        """Show another plane's mask."""
        self._view = view
        self._version += 1
        self._cleaned.clear()
        self._buffers.clear()
        self.set_shape(shape)

    def change_mask(self, view: MaskView) -> None:
        """Show the same plane with another proposal, threshold or clean-up."""
        self._view = view
        self._version += 1
        self.update()

    def set_colours(self, fill: NDArray[np.uint8], line: NDArray[np.uint8], *, outlined: bool) -> None:
        """Tables (256, 4) of premultiplied blue, green, red, alpha for areas and for outlines."""
        self._fill, self._line, self._outlined = fill, line, outlined
        self._images.clear()
        self._buffers.clear()
        self.update()

    def refresh(self, box: Box) -> None:
        """Labels inside `box` changed: paint them now, in the tiles that are shown."""
        if box.is_empty or self._view is None:
            return
        for key in list(self._images):
            level, cell = key
            size = 1 << level
            changed = Box(box.y0 // size, box.x0 // size, -(-box.y1 // size), -(-box.x1 // size)).grow(1)
            part = changed.intersect(tile_box(cell)).intersect(self.level_extent(level))
            if not part.is_empty:
                self._compose(key, part)
        self.update(_scene_rect(box.grow(2), 0))

    def tile_image(self, key: Key) -> QImage | None:
        view = self._view
        if view is None:
            return None
        if view.proposal is not None and self._cleaned.get(key, (-1,))[0] != self._version:
            self._missing.append(key)
        if key not in self._images:
            self._compose(key, tile_box(key[1]).intersect(self.level_extent(key[0])))
        return self._images.get(key)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        self._missing.clear()
        super().paint(painter, option, widget)
        wanted = [key for key in self._missing if (self._version, key) not in self._asked]
        # The surroundings that a clean-up needs are shared by a block of tiles; two blocks keep two cores busy.
        half = (len(wanted) + 1) // 2 if len(wanted) > _TILES_A_BLOCK else len(wanted)
        for block in (wanted[:half], wanted[half:]):
            if block:
                self._ask(block)

    def _ask(self, keys: list[Key]) -> None:
        """Have the cleaned-up proposal of some tiles of one level worked out, all at once."""
        view, version, level = self._view, self._version, keys[0][0]
        assert view is not None
        self._asked.update((version, key) for key in keys)
        boxes = {key: self._around(key) for key in keys}
        whole = reduce(Box.union, boxes.values())

        def work() -> NDArray[np.uint8] | None:
            if version != self._version:
                return None  # the slider has moved on
            return view.cleaned(whole, shrink=1 << level)

        def arrived(cleaned: object) -> None:
            self._asked.difference_update((version, key) for key in keys)
            if version != self._version or not isinstance(cleaned, np.ndarray):
                return
            for key, box in boxes.items():
                self._take(key, cleaned[box.within(whole)].copy())

        self._background.run(work, arrived)

    def _take(self, key: Key, cleaned: NDArray[np.uint8]) -> None:
        self._cleaned[key] = (self._version, cleaned)
        while len(self._cleaned) > _KEPT_TILES:
            self._cleaned.popitem(last=False)
        self._compose(key, tile_box(key[1]).intersect(self.level_extent(key[0])))
        self.update_tile(key)

    def _around(self, key: Key) -> Box:
        """A tile and one pixel more on each side, so that outlines join."""
        return tile_box(key[1]).grow(1).intersect(self.level_extent(key[0]))

    def _compose(self, key: Key, part: Box) -> None:
        """Work out the picture of `part` of a tile from labels and cleaned-up proposal."""
        assert self._view is not None
        level, cell = key
        whole = self._around(key)
        around = part.grow(1).intersect(whole)
        labels = self._view.labels.read(around, shrink=1 << level)
        cleaned = self._cleaned.get(key)
        under = cleaned[1][around.within(whole)] if cleaned else np.uint8(BACKGROUND)
        mask = lay_over(labels, np.broadcast_to(under, labels.shape))
        picture = self._fill[mask]
        if self._outlined:
            edges = outline(mask)
            picture[edges] = self._line[mask[edges]]
        extent = tile_box(cell).intersect(self.level_extent(level))
        if key not in self._images or key not in self._buffers:
            self._buffers[key] = np.zeros((*extent.shape, 4), dtype=np.uint8)
            self.keep_image(key, _shared_image(self._buffers[key]))
            self._buffers = {k: self._buffers[k] for k in self._images if k in self._buffers}
        self._buffers[key][part.within(extent)] = picture[part.within(around)]


def _scene_rect(box: Box, level: int) -> QRectF:
    size = 1 << level
    return QRectF(box.x0 * size, box.y0 * size, box.width * size, box.height * size)


def _part_of(coarse: Box, area: Box, up: int) -> QRectF:
    size = 1 << up
    return QRectF(area.x0 / size - coarse.x0, area.y0 / size - coarse.y0, area.width / size, area.height / size)


def _rgb_image(rgb: NDArray[np.uint8]) -> QImage:
    height, width = rgb.shape[:2]
    data = np.ascontiguousarray(rgb)
    return QImage(data.data, width, height, 3 * width, QImage.Format.Format_RGB888).convertToFormat(
        QImage.Format.Format_RGB32
    )


def _shared_image(bgra: NDArray[np.uint8]) -> QImage:
    """A picture over the array's own memory: who changes the array changes the picture."""
    height, width = bgra.shape[:2]
    return QImage(bgra.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)

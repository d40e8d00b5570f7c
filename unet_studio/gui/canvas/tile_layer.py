"""Layers of the canvas: each paints only the visible tiles, at the level that fits the zoom."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import reduce

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, QRectF, Qt, QTimer
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from unet_studio.core.classes import BACKGROUND, UNLABELLED
from unet_studio.core.figures.display import Display, NetworkView, to_rgb
from unet_studio.core.figures.mask_colours import outline
from unet_studio.core.masks.mask_view import MaskView, lay_over
from unet_studio.core.slides.opening import SlideReader
from unet_studio.core.tiles import TILE, Box, Cell, cells_over, tile_box
from unet_studio.gui.background import Background

Key = tuple[int, Cell]
"""(level, cell): at level n a tile covers 256 · 2ⁿ pixels of the plane."""
_MAX_LEVEL = 8
_COARSER = 0.3
"""A level is shown enlarged by up to 2 to this power, which nobody sees; the next has four times as many pixels."""
_KEPT_TILES = 256
"""At the least; on a large screen twice as many as are shown."""
_TILES_A_BLOCK = 4
_BUDGET = 0.003
"""Seconds a frame may spend on mask tiles that a coarser one can stand in for; the rest comes with the next frame."""
_NOTHING = QImage()
"""The picture of a tile in which there is nothing to paint; it takes no memory."""


class TileLayer(QGraphicsItem):
    """A plane-sized item that draws tiles; a subclass says what is in one.

    Until a tile is there, the same part of a coarser one stands in for it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)
        self._shape = (0, 0)
        self._images: OrderedDict[Key, QImage] = OrderedDict()
        self._room = _KEPT_TILES
        self._is_smooth = True

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
        cells = list(cells_over(self._level_box(exposed, level)))
        self._room = max(self._room, 2 * len(cells))
        painter.save()
        # Targets are rounded to whole pixels of the window, so that neighbouring tiles meet without a seam.
        painter.resetTransform()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._is_smooth and scale < 2)
        for cell in cells:
            area = tile_box(cell).intersect(self.level_extent(level))
            target = _whole_pixels(world.mapRect(_scene_rect(area, level)))
            self._draw(painter, target, (level, cell), area)
        painter.restore()

    def level_extent(self, level: int) -> Box:
        """The whole plane in pixels of a level."""
        return Box(0, 0, -(-self._shape[0] >> level), -(-self._shape[1] >> level))

    def stand_in(self, key: Key) -> Key | None:
        """The finest tile at hand, of a coarser level, that shows the same part of the plane."""
        level, (row, column) = key
        coarser = ((level + up, (row >> up, column >> up)) for up in range(1, _MAX_LEVEL - level + 1))
        return next((each for each in coarser if each in self._images), None)

    def keep_image(self, key: Key, image: QImage) -> None:
        self._images[key] = image
        while len(self._images) > self._room:
            self._images.popitem(last=False)

    def update_tile(self, key: Key) -> None:
        """Have a tile painted again."""
        self.update(_scene_rect(tile_box(key[1]), key[0]))

    def _draw(self, painter: QPainter, target: QRect, key: Key, area: Box) -> None:
        image = self.tile_image(key)
        if image is not None:
            self._images.move_to_end(key)
            painter.drawImage(target, image)
            return
        coarse = self.stand_in(key)
        if coarse is not None:
            inside = _part_of(tile_box(coarse[1]), area, coarse[0] - key[0])
            painter.drawImage(QRectF(target), self._images[coarse], inside)

    @property
    def _top_level(self) -> int:
        """The finest level at which one tile shows the whole plane, if there is one that coarse."""
        return min(max(0, math.ceil(math.log2(max(1, *self._shape) / TILE))), _MAX_LEVEL)

    def _level_at(self, scale: float) -> int:
        if scale <= 0:
            return self._top_level
        return min(max(0, math.floor(math.log2(1 / scale) + _COARSER)), self._top_level)

    def _level_box(self, rect: QRectF, level: int) -> Box:
        size = 1 << level
        return Box(
            math.floor(rect.top() / size),
            math.floor(rect.left() / size),
            math.ceil(rect.bottom() / size),
            math.ceil(rect.right() / size),
        ).intersect(self.level_extent(level))


class SlideLayer(TileLayer):
    """The slide's own pixels, read off the GUI thread, shown with a contrast or as the network gets them.

    `tell` is told once for each plane, in words, if part of it can't be read; what can be read is still shown.
    """

    def __init__(self, background: Background, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._background = background
        self._tell = tell
        self._told = False
        self._reader: SlideReader | None = None
        self._plane = 0
        self._display = Display()
        self._network_view: NetworkView | None = None
        self._raw: OrderedDict[Key, NDArray[np.generic]] = OrderedDict()
        self._asked: set[Key] = set()

    def show_plane(self, reader: SlideReader | None, plane: int, display: Display) -> None:
        self._reader, self._plane, self._display = reader, plane, display
        self._network_view = None
        self._told = False
        self._raw.clear()
        self._asked.clear()
        self.set_shape((reader.info.height, reader.info.width) if reader else (0, 0))

    def set_display(self, display: Display) -> None:
        self._display = display
        self._images.clear()
        self.update()

    def set_network_view(self, view: NetworkView | None) -> None:
        """Show the plane as the network gets it; None shows it as its display says."""
        self._network_view = view
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
            image = _picture(self._raw[key], self._look)
            self.keep_image(key, image)
        if image is None:
            self._ask(key)
        return image

    @property
    def _look(self) -> Display | NetworkView:
        return self._display if self._network_view is None else self._network_view

    def _ask(self, key: Key) -> None:
        """Have a tile read and, as things look now, turned into its picture."""
        reader, plane, look = self._reader, self._plane, self._look
        if reader is None or key in self._asked:
            return
        self._asked.add(key)
        level, cell = key
        box = tile_box(cell).intersect(self.level_extent(level))

        def work() -> tuple[NDArray[np.generic], QImage]:
            pixels = reader.read(plane, box, shrink=1 << level)
            return pixels, _picture(pixels, look)

        def arrived(found: object) -> None:
            if self._reader is not reader or self._plane != plane:
                return
            if not isinstance(found, tuple):
                self._fail(str(found))
                return
            self._raw[key], image = found
            self._asked.discard(key)
            while len(self._raw) > self._room:
                self._raw.popitem(last=False)
            if look is self._look:  # else it is made again from the raw pixels, when it is painted
                self.keep_image(key, image)
            self.update_tile(key)

        self._background.run(work, arrived)

    def _fail(self, reason: str) -> None:
        """The tile stays asked for, so that a slide that is gone isn't asked again at every repaint."""
        if not self._told:
            self._told = True
            self._tell(reason)


class MaskLayer(TileLayer):
    """The mask over the slide: labels at once, the cleaned-up proposal as soon as a thread has it.

    While a new clean-up is worked out the old one stays, so that nothing flickers under a moving slider.
    """

    def __init__(self, background: Background) -> None:
        super().__init__()
        self._background = background
        self._view: MaskView | None = None
        self._version = 0
        self._fill = np.zeros(256, dtype=np.uint32)
        self._line = np.zeros(256, dtype=np.uint32)
        self._outlined = self._is_smooth = False
        self._cleaned: OrderedDict[Key, tuple[int, NDArray[np.uint8]]] = OrderedDict()
        self._asked: set[tuple[int, Key]] = set()
        self._missing: list[Key] = []
        self._part: Callable[[QWidget], QRect] | None = None
        self._due = 0.0
        self._is_put_off = False
        self._stale: dict[Key, Box] = {}  # parts of pictures in which labels changed since

    def show_mask(self, view: MaskView | None, shape: tuple[int, int]) -> None:
        """Show another plane's mask."""
        self._view = view
        self._version += 1
        self._cleaned.clear()
        self._stale.clear()
        self.set_shape(shape)

    def change_mask(self, view: MaskView) -> None:
        """Show the same plane with another proposal, threshold or clean-up."""
        if view.proposal is None:  # nothing will come that replaces the old mask
            self._cleaned.clear()
            self._images.clear()
            self._stale.clear()
        self._view = view
        self._version += 1
        self.update()

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
        self.update(_scene_rect(box.grow(2), 0))

    def tile_image(self, key: Key) -> QImage | None:
        view = self._view
        if view is None:
            return None
        if view.proposal is not None and self._cleaned.get(key, (-1,))[0] != self._version:
            self._missing.append(key)
        if key not in self._images:
            if time.perf_counter() > self._due and self._can_wait(key):
                self._is_put_off = True
                return None
            self._compose(key, self._extent(key))
        elif key in self._stale:
            self._compose(key, self._stale[key])
        return self._images[key]

    def _can_wait(self, key: Key) -> bool:
        """Whether a coarser tile shows the same labels meanwhile."""
        coarse = self.stand_in(key)
        return coarse is not None and coarse not in self._stale

    def show_only(self, part: Callable[[QWidget], QRect] | None) -> None:
        """Paint only in a part of each viewport, as `part` says for it; None is everywhere."""
        self._part = part
        self.update()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        self._missing.clear()
        self._due, self._is_put_off = time.perf_counter() + _BUDGET, False
        painter.save()
        if self._part is not None and widget is not None:
            part = self._part(widget)
            world = painter.worldTransform()
            option.exposedRect &= world.inverted()[0].mapRect(QRectF(part))
            painter.resetTransform()
            painter.setClipRect(part, Qt.ClipOperation.IntersectClip)
            painter.setWorldTransform(world)
        if not option.exposedRect.isEmpty():
            super().paint(painter, option, widget)
        painter.restore()
        if self._is_put_off:
            QTimer.singleShot(0, self.scene(), self.update)
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
        while len(self._cleaned) > self._room:
            self._cleaned.popitem(last=False)
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
            self.keep_image(key, image)
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
        self.keep_image(key, image)


def _scene_rect(box: Box, level: int) -> QRectF:
    size = 1 << level
    return QRectF(box.x0 * size, box.y0 * size, box.width * size, box.height * size)


def _whole_pixels(rect: QRectF) -> QRect:
    """The rectangle with each edge rounded on its own: neighbours round their common edge alike."""
    left, top = round(rect.left()), round(rect.top())
    return QRect(left, top, round(rect.right()) - left, round(rect.bottom()) - top)


def _part_of(coarse: Box, area: Box, up: int) -> QRectF:
    size = 1 << up
    return QRectF(area.x0 / size - coarse.x0, area.y0 / size - coarse.y0, area.width / size, area.height / size)


def _picture(pixels: NDArray[np.generic], look: Display | NetworkView) -> QImage:
    """Raw pixels (h, w, channels) as a display shows them or the network gets them."""
    rgb = np.ascontiguousarray(to_rgb(pixels, look) if isinstance(look, Display) else look.to_rgb(pixels))
    height, width = rgb.shape[:2]
    return QImage(rgb.data, width, height, 3 * width, QImage.Format.Format_RGB888).convertToFormat(
        QImage.Format.Format_RGB32
    )

"""What the layers of the canvas share: each paints only the visible tiles, at the level that fits the zoom."""

import math
from collections.abc import Callable

from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from unet_studio.core.tiles import TILE, Box, cells_over, tile_box
from unet_studio.errors import StudioError
from unet_studio.gui.canvas.tile_cache import Key, TileCache

MAX_LEVEL = 8
_COARSER = 0.3
"""A level is shown enlarged by up to 2 to this power, which nobody sees; the next has four times as many pixels."""
_ROOM = 64 << 20
"""Bytes of pictures that are kept; on a large screen twice as many as are shown."""
_PICTURE_BYTES = 4 * TILE * TILE


class TileLayer(QGraphicsItem):
    """A plane-sized item that draws tiles; a subclass says what is in one.

    Until a tile is there, the same part of a coarser one stands in for it. `tell` is told in words why tiles can't be
    worked out, once until `_told` is taken back.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)
        self._tell = tell
        self._told = False
        self._shape = (0, 0)
        self._images: TileCache[QImage] = TileCache(_ROOM, QImage.sizeInBytes)
        self._is_smooth = True

    def tile_image(self, key: Key) -> QImage | None:
        """The tile's picture, or None while it is being fetched."""
        raise NotImplementedError

    def make_room(self, tiles: int) -> None:
        """So many tiles are shown at once, and are to be kept."""
        self._images.make_room(2 * tiles * _PICTURE_BYTES)

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
        self.make_room(len(cells))
        painter.save()
        # Targets are rounded to whole pixels of the window, so that neighbouring tiles meet without a seam.
        painter.resetTransform()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._is_smooth and scale < 2)
        for cell in cells:
            area = tile_box(cell).intersect(self.level_extent(level))
            target = _whole_pixels(world.mapRect(scene_rect(area, level)))
            self._draw(painter, target, (level, cell), area)
        painter.restore()

    def level_extent(self, level: int) -> Box:
        """The whole plane in pixels of a level."""
        return Box(0, 0, -(-self._shape[0] >> level), -(-self._shape[1] >> level))

    def stand_in(self, key: Key) -> Key | None:
        """The finest tile at hand, of a coarser level, that shows the same part of the plane."""
        level, (row, column) = key
        coarser = ((level + up, (row >> up, column >> up)) for up in range(1, MAX_LEVEL - level + 1))
        return next((each for each in coarser if each in self._images), None)

    def update_tile(self, key: Key) -> None:
        """Have a tile painted again."""
        self.update(scene_rect(tile_box(key[1]), key[0]))

    def tell_once(self, problem: StudioError) -> None:
        """Tell why tiles can't be worked out, unless that was told already."""
        if not self._told:
            self._told = True
            self._tell(str(problem))

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
        return min(max(0, math.ceil(math.log2(max(1, *self._shape) / TILE))), MAX_LEVEL)

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


def scene_rect(box: Box, level: int) -> QRectF:
    """A box of a level in pixels of the plane."""
    size = 1 << level
    return QRectF(box.x0 * size, box.y0 * size, box.width * size, box.height * size)


def _whole_pixels(rect: QRectF) -> QRect:
    """The rectangle with each edge rounded on its own: neighbours round their common edge alike."""
    left, top = round(rect.left()), round(rect.top())
    return QRect(left, top, round(rect.right()) - left, round(rect.bottom()) - top)


def _part_of(coarse: Box, area: Box, up: int) -> QRectF:
    size = 1 << up
    return QRectF(area.x0 / size - coarse.x0, area.y0 / size - coarse.y0, area.width / size, area.height / size)

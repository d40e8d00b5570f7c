"""The layer of the slide's own pixels."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from unet_studio.core.figures.display import Display, NetworkView, to_rgb
from unet_studio.core.slides.reader import SlideReader
from unet_studio.core.tiles import TILE, tile_box
from unet_studio.errors import StudioError
from unet_studio.gui.background import Background
from unet_studio.gui.canvas.tile_cache import Key, TileCache
from unet_studio.gui.canvas.tile_layer import MAX_LEVEL, TileLayer

_RAW_ROOM = 32 << 20
"""Bytes of raw pixels that are kept; where more are shown, twice these, so that another contrast needs no reading."""
_MOST_RAW = 512 << 20
"""A stack of many channels is read again for another contrast rather than to fill the memory."""


class SlideLayer(TileLayer):
    """The slide's own pixels, read off the GUI thread, shown with a contrast or as the network gets them.

    `tell` is told once for each plane if part of it can't be read; what can be read is still shown.
    """

    def __init__(self, background: Background, tell: Callable[[str], None]) -> None:
        super().__init__(tell)
        self._background = background
        self._reader: SlideReader | None = None
        self._plane = 0
        self._display = Display()
        self._network_view: NetworkView | None = None
        self._raw = _raw_cache()
        self._tile_bytes = 0  # of raw pixels
        self._asked: set[Key] = set()

    def show_plane(self, reader: SlideReader | None, plane: int, display: Display) -> None:
        self._reader, self._plane, self._display = reader, plane, display
        self._network_view = None
        self._told = False
        self._raw = _raw_cache()
        self._tile_bytes = TILE * TILE * reader.info.channels * reader.info.dtype.itemsize if reader else 0
        self._asked.clear()
        self.set_shape((reader.info.height, reader.info.width) if reader else (0, 0))

    def make_room(self, tiles: int) -> None:
        super().make_room(tiles)
        self._raw.make_room(min(2 * tiles * self._tile_bytes, _MOST_RAW))

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
        for level in range(MAX_LEVEL + 1):
            row, column = y >> level, x >> level
            pixels = self._raw.get((level, (row // TILE, column // TILE)))
            if pixels is not None:
                value: NDArray[np.generic] = pixels[row % TILE, column % TILE]
                return value
        return None

    def tile_image(self, key: Key) -> QImage | None:
        image = self._images.get(key)
        if image is None and key in self._raw:
            self._raw.move_to_end(key)
            image = _picture(self._raw[key], self._look)
            self._images.put(key, image)
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

        def is_shown() -> bool:
            return self._reader is reader and self._plane == plane

        def arrived(found: tuple[NDArray[np.generic], QImage]) -> None:
            if is_shown():
                self._take(key, *found, look)

        def failed(problem: StudioError) -> None:
            # The tile stays asked for, so that a slide that is gone isn't asked again at every repaint.
            if is_shown():
                self.tell_once(problem)

        self._background.run(f"reading '{reader.path.name}'", work, arrived, failed=failed)

    def _take(self, key: Key, pixels: NDArray[np.generic], image: QImage, look: Display | NetworkView) -> None:
        self._raw.put(key, pixels)
        self._asked.discard(key)
        if look is self._look:  # else it is made again from the raw pixels, when it is painted
            self._images.put(key, image)
        self.update_tile(key)


def _raw_cache() -> TileCache[NDArray[np.generic]]:
    return TileCache(_RAW_ROOM, lambda pixels: pixels.nbytes)


def _picture(pixels: NDArray[np.generic], look: Display | NetworkView) -> QImage:
    """Raw pixels (h, w, channels) as a display shows them or the network gets them."""
    rgb = np.ascontiguousarray(to_rgb(pixels, look) if isinstance(look, Display) else look.to_rgb(pixels))
    height, width = rgb.shape[:2]
    return QImage(rgb.data, width, height, 3 * width, QImage.Format.Format_RGB888).convertToFormat(
        QImage.Format.Format_RGB32
    )

"""The layer of heat over the slide: where the proposal is undecided, or against the labels."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from unet_studio.core.figures.heat import Heat, heat_colours
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.proposals import Proposal
from unet_studio.core.scoring.uncertainty import disagreement, uncertainty
from unet_studio.core.tiles import Box, cells_over, tile_box
from unet_studio.errors import StudioError
from unet_studio.gui.background import Background
from unet_studio.gui.canvas.tile_cache import Key
from unet_studio.gui.canvas.tile_layer import TileLayer, scene_rect


class HeatLayer(TileLayer):
    """Heat of one kind, or none; each tile is worked out in a thread, and the one before stays until then.

    `tell` is told once for each plane and proposal if part of it can't be worked out.
    """

    def __init__(self, background: Background, tell: Callable[[str], None]) -> None:
        super().__init__(tell)
        self._background = background
        self._view: MaskView | None = None
        self._heat: Heat | None = None
        self._version = 0
        self._asked: set[Key] = set()
        self._stale: set[Key] = set()  # labels changed since
        self.hide()

    @property
    def heat(self) -> Heat | None:
        """What is shown."""
        return self._heat

    def show_heat(self, heat: Heat | None) -> None:
        """Show heat of another kind, or none."""
        self._heat = heat
        self._begin_anew()
        self.setVisible(heat is not None)

    def show_mask(self, view: MaskView | None, shape: tuple[int, int]) -> None:
        """Show another plane."""
        self._view, self._told = view, False
        self._begin_anew()
        self.set_shape(shape)

    def change_mask(self, view: MaskView) -> None:
        """Show the same plane, perhaps with another proposal."""
        is_other = self._view is None or self._view.proposal != view.proposal
        self._view = view
        if is_other:
            self._told = False
            self._begin_anew()

    def refresh(self, box: Box) -> None:
        """Labels inside `box` changed."""
        if self._heat is not Heat.DISAGREEMENT or box.is_empty:
            return
        for level in range(self._top_level + 1):
            size = 1 << level
            changed = Box(box.y0 // size, box.x0 // size, -(-box.y1 // size), -(-box.x1 // size))
            self._stale |= {(level, cell) for cell in cells_over(changed.intersect(self.level_extent(level)))}
        self.update(scene_rect(box, 0))

    def tile_image(self, key: Key) -> QImage | None:
        if key not in self._asked and (key in self._stale or key not in self._images):
            self._ask(key)
        return self._images.get(key)

    def _begin_anew(self) -> None:
        self._version += 1
        self._images.clear()
        self._asked.clear()
        self._stale.clear()
        self.update()

    def _ask(self, key: Key) -> None:
        view, heat, version = self._view, self._heat, self._version
        if view is None or heat is None or view.proposal is None:
            return
        self._asked.add(key)
        self._stale.discard(key)
        level, cell = key
        box = tile_box(cell).intersect(self.level_extent(level))
        proposal, labels = view.proposal, view.labels.read(box, shrink=1 << level)

        def work() -> QImage | None:
            return _picture(proposal, labels, heat, box, 1 << level) if version == self._version else None

        def arrived(image: QImage | None) -> None:
            if version == self._version and image is not None:
                self._asked.discard(key)
                self._images.put(key, image)
                self.update_tile(key)

        def failed(problem: StudioError) -> None:
            # The tile stays asked for, so that a damaged proposal isn't read again at every repaint.
            if version == self._version:
                self.tell_once(problem)

        self._background.run("working out the heat", work, arrived, failed=failed)


def _picture(proposal: Proposal, labels: NDArray[np.uint8], heat: Heat, box: Box, shrink: int) -> QImage:
    probabilities = proposal.read(box, shrink=shrink)
    values = uncertainty(probabilities) if heat is Heat.UNCERTAINTY else disagreement(probabilities, labels)
    colours = np.ascontiguousarray(heat_colours(np.rint(255 * values).astype(np.uint8)))
    picture = QImage(colours.data, box.width, box.height, 4 * box.width, QImage.Format.Format_ARGB32_Premultiplied)
    return picture.copy()  # of its own memory

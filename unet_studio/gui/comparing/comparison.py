"""Comparing two mask sources on the open plane: by swipe over the canvas, or side by side."""

from PySide6.QtCore import QObject, Signal

from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.sources import MaskSource
from unet_studio.core.tiles import Box
from unet_studio.gui.background import Background
from unet_studio.gui.canvas.canvas import Canvas
from unet_studio.gui.comparing.bar import CompareBar
from unet_studio.gui.comparing.layers import ComparedLayer
from unet_studio.gui.comparing.layout import CompareLayout
from unet_studio.gui.comparing.modes import CompareMode
from unet_studio.gui.comparing.sources import Comparable, Pair, find_comparable
from unet_studio.gui.controls.notice import Notice
from unet_studio.gui.session.changes import Changes
from unet_studio.gui.session.session import Session


class Comparison(QObject):
    """Shows two sources in layers of its own over the canvas, in place of the mask, while something is compared.

    Both layers lie in the canvas's scene: the slide is read once, what a tool draws is seen on both sides, and the key
    that hides the mask hides both.
    """

    mode_changed = Signal()
    notice = Signal(object)  # Notice

    def __init__(self, session: Session, canvas: Canvas, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._canvas = canvas
        self._mode: CompareMode | None = None
        self._asked: Pair | None = None
        self._shown: Pair | None = None
        self._found = Comparable()
        self._layout = CompareLayout(canvas, self)
        self.bar = CompareBar()
        self.second_view = self._layout.second_view
        failed = canvas.mask_failed.emit
        self.layers = (
            ComparedLayer(background, failed, self._layout.part_of_first),
            ComparedLayer(background, failed, self._layout.part_of_second),
        )
        for layer in self.layers:
            canvas.add_mask_layer(layer)

        session.changed.connect(self._on_changes)
        session.workspace_closed.connect(self.stop)
        self.bar.sources_chosen.connect(self.compare)
        self.bar.mode_chosen.connect(self._show_as)
        self.bar.close_asked.connect(self.stop)

    # What a person may ask for

    @property
    def mode(self) -> CompareMode | None:
        """How sources are compared just now; None while they aren't."""
        return self._mode

    @property
    def sources(self) -> tuple[MaskSource, ...]:
        """What can be compared on the open plane."""
        return self._found.sources

    @property
    def shown(self) -> Pair | None:
        """The two sources that are seen just now."""
        return self._shown

    def toggle(self, mode: CompareMode) -> None:
        """Compare in this way, or stop where that is done already; a notice says why there is nothing to compare."""
        if self._mode is mode:
            self.stop()
            return
        self._found = find_comparable(self._session)
        if self._found.sources:
            self._mode = mode
            self._show()
        elif self._session.plane is not None:
            self.notice.emit(Notice(self._found.reason))
        self.mode_changed.emit()

    def compare(self, first: MaskSource, second: MaskSource) -> None:
        """Compare two sources, here and on every plane that has both; by swipe where nothing is compared yet."""
        self._asked = (first, second)
        self._show_as(self._mode or CompareMode.SWIPE)

    def stop(self) -> None:
        """Show the mask again."""
        self._mode = self._asked = None
        self._show()
        self._canvas.setFocus()
        self.mode_changed.emit()

    def step_divider(self, steps: int) -> None:
        """Move the divider to the left or right."""
        self._layout.step_divider(steps)

    def _show_as(self, mode: CompareMode) -> None:
        self._mode = mode
        self._found = find_comparable(self._session)
        self._show()
        self.mode_changed.emit()

    # What changed

    def _on_changes(self, changes: Changes) -> None:
        if changes.mask is not None:
            self._change_mask(changes.mask)
        if not changes.box.is_empty:
            self._refresh(changes.box)

    def show_plane(self) -> None:
        """Another plane is on the canvas, or none."""
        if self._mode is not None:
            self._found = find_comparable(self._session)
            self._show()

    def _change_mask(self, mask: MaskView) -> None:
        """The proposal, threshold or clean-up of the open plane changed."""
        if self._mode is None:
            return
        if mask.proposal is not None and mask.proposal not in self._found.proposals.values():
            self.show_plane()
        elif self._shown is not None:
            for layer, view in zip(self.layers, self._found.views(mask, self._shown), strict=True):
                layer.change_mask(view)

    def _refresh(self, box: Box) -> None:
        """Labels inside `box` changed."""
        if self._shown is not None:
            for layer in self.layers:
                layer.refresh(box)

    # What is seen

    def _show(self) -> None:
        """Show bar, layers and layout as the mode and what was found want them."""
        mode, plane = self._mode, self._session.plane
        self._shown = pair = self._found.pair(self._asked) if mode is not None else None
        self.bar.setVisible(mode is not None)
        if mode is not None:
            self.bar.set_mode(mode)
            if pair is not None:
                self.bar.show_sources(self._found.sources, pair)
            else:
                self.bar.show_nothing(self._found.reason)
        views = self._found.views(plane.view, pair) if plane is not None and pair is not None else (None, None)
        for layer, view in zip(self.layers, views, strict=True):
            layer.show_mask(view, plane.shape if plane is not None else (0, 0))
            layer.setVisible(view is not None)
        self._canvas.mask_layer.setVisible(pair is None)
        self._layout.show(mode, pair)

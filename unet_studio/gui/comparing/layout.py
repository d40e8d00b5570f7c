"""Where two compared masks are seen: on the two sides of a divider, or in two views that move together."""

from PySide6.QtCore import QEvent, QObject, QRect
from PySide6.QtWidgets import QWidget

from unet_studio.gui.canvas.canvas import Canvas
from unet_studio.gui.comparing.modes import CompareMode
from unet_studio.gui.comparing.sources import Pair
from unet_studio.gui.comparing.views import Caption, Divider, SecondView

_DIVIDER_STEP = 0.02  # of the canvas's width
_NOWHERE = QRect()


class CompareLayout(QObject):
    """Places divider, second view and captions over and beside the canvas, and says what belongs to which side."""

    def __init__(self, canvas: Canvas, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._mode: CompareMode | None = None
        self._divider_at = 0.5
        self.second_view = SecondView(canvas)
        self._divider = Divider(canvas.viewport())
        self._captions = {
            CompareMode.SWIPE: (Caption(canvas.viewport()), Caption(canvas.viewport())),
            CompareMode.SIDE: (Caption(canvas.viewport()), Caption(self.second_view.viewport())),
        }

        self._divider.moved.connect(lambda x: self._move_divider(x / max(canvas.viewport().width(), 1)))
        canvas.zoom_changed.connect(self._follow)
        canvas.horizontalScrollBar().valueChanged.connect(self._follow)
        canvas.verticalScrollBar().valueChanged.connect(self._follow)
        canvas.viewport().installEventFilter(self)

    def show(self, mode: CompareMode | None, pair: Pair | None) -> None:
        """Show what a mode needs for a pair of sources; nothing without both."""
        self._mode = mode if pair is not None else None
        self._divider.setVisible(self._mode is CompareMode.SWIPE)
        self.second_view.setVisible(self._mode is CompareMode.SIDE)
        for captions_of, captions in self._captions.items():
            for caption, source in zip(captions, pair or (), strict=False):
                caption.set_name(source.name)
            for caption in captions:
                caption.setVisible(self._mode is captions_of)
        self._follow()

    def step_divider(self, steps: int) -> None:
        """Move the divider to the left or right."""
        self._move_divider(self._divider_at + steps * _DIVIDER_STEP)

    def part_of_first(self, viewport: QWidget | None) -> QRect:
        """Where the first source is seen in a viewport, in its pixels."""
        whole = self._whole(viewport)
        if self._mode is CompareMode.SIDE:
            return whole if viewport is self._canvas.viewport() else _NOWHERE
        return whole.adjusted(0, 0, self._divider_x() - whole.width(), 0)

    def part_of_second(self, viewport: QWidget | None) -> QRect:
        """Where the second source is seen in a viewport, in its pixels."""
        whole = self._whole(viewport)
        if self._mode is CompareMode.SIDE:
            return whole if viewport is self.second_view.viewport() else _NOWHERE
        return whole.adjusted(self._divider_x(), 0, 0, 0)

    def _whole(self, viewport: QWidget | None) -> QRect:
        return (viewport or self._canvas.viewport()).rect()

    def _divider_x(self) -> int:
        return round(self._divider_at * self._canvas.viewport().width())

    def _move_divider(self, at: float) -> None:
        before = self._divider_x()
        self._divider_at = min(max(at, 0.0), 1.0)
        after = self._divider_x()
        if self._divider.isVisible():
            viewport = self._canvas.viewport()
            viewport.update(min(before, after), 0, abs(after - before), viewport.height())
            self._place()

    def _follow(self) -> None:
        """The canvas was zoomed or panned: the second view goes with it, what lies over them stays."""
        if self._divider.isVisible():
            self._canvas.viewport().update()  # scrolling moved what is seen on either side of the divider
        self.second_view.follow()
        self._place()

    def _place(self) -> None:
        x = self._divider_x()
        self._divider.place(x)
        width = self._canvas.viewport().width()
        left, right = self._captions[CompareMode.SWIPE]
        left.place(0, x, at_right=True)
        right.place(x, width)
        for caption in self._captions[CompareMode.SIDE]:
            caption.place(0, width)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._follow()
        return False

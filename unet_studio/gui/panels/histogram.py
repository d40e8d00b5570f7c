"""A histogram with three handles: which value is black, which is white, and how bright the middle is."""

import math
from collections.abc import Sequence
from enum import Enum, auto

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPalette, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from unet_studio.core.figures.display import ChannelView, Colour
from unet_studio.core.figures.histograms import Histogram
from unet_studio.gui.controls.theme import Tone, color

GAMMA_RANGE = (0.1, 10.0)

_HEIGHT = 80
_HANDLE = 6.0
"""Half the width of a handle, and its height, in pixels; the ground is inset by it so that handles are never cut."""
_LEAST_SHARE = 1e-3
"""Black and white stay at least this share of the axis apart."""


class _Handle(Enum):
    LOW = auto()
    MIDDLE = auto()
    HIGH = auto()


class HistogramView(QWidget):
    """Draws histograms over each other, and how raw values become brightness; its handles are for the mouse.

    Whoever uses it shows the same three values in fields for the keyboard.
    """

    levels_dragged = Signal(float, float, float)  # low, high, gamma

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._histograms: tuple[tuple[Histogram, Colour], ...] = ()
        self._levels = ChannelView(0.0, 1.0)
        self._axis = (0.0, 1.0)
        self._dragged: _Handle | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.SizeHorCursor)
        self.setAccessibleName(self.tr("Histogram of the values of the plane"))
        self.setToolTip(self.tr("Drag what is shown as black, as white, and in the middle how bright all between is"))

    @property
    def span(self) -> float:
        """Raw values from one end of the axis to the other."""
        return self._axis[1] - self._axis[0]

    def show_levels(self, levels: ChannelView, histograms: Sequence[tuple[Histogram, Colour]]) -> None:
        """Show the levels, over the histograms of the channels that they hold for; the axis stays under a drag."""
        self._levels = levels
        self._histograms = tuple(histograms)
        if self._dragged is None:
            ends = [end for histogram, _ in histograms for end in (histogram.low, histogram.high)]
            self._axis = (min(levels.low, *ends), max(levels.high, *ends)) if ends else (levels.low, levels.high)
        self.update()

    def position(self, value: float) -> float:
        """Where a raw value is on the axis, in pixels from the left."""
        share = (value - self._axis[0]) / max(self.span, 1e-300)
        return _HANDLE + share * (self.width() - 2 * _HANDLE)

    def sizeHint(self) -> QSize:
        return QSize(200, _HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(80, _HEIGHT)

    # Mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._dragged = self._nearest(event.position().x())
            self._drag_to(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragged is not None:
            self._drag_to(event.position().x())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._dragged = None

    def _nearest(self, x: float) -> _Handle:
        places = {
            _Handle.LOW: self.position(self._levels.low),
            _Handle.HIGH: self.position(self._levels.high),
            _Handle.MIDDLE: self.position(self._middle()),
        }
        return min(places, key=lambda handle: abs(places[handle] - x))

    def _drag_to(self, x: float) -> None:
        share = (x - _HANDLE) / max(self.width() - 2 * _HANDLE, 1.0)
        value = self._axis[0] + min(max(share, 0.0), 1.0) * self.span
        low, high, gamma = self._levels.low, self._levels.high, self._levels.gamma
        least = _LEAST_SHARE * self.span
        if self._dragged is _Handle.LOW:
            low = min(value, high - least)
        elif self._dragged is _Handle.HIGH:
            high = max(value, low + least)
        else:
            gamma = _gamma_with_middle((value - low) / max(high - low, 1e-300))
        self.levels_dragged.emit(low, high, gamma)

    def _middle(self) -> float:
        """The raw value that is shown half bright: t^(1 / gamma) = 1/2."""
        levels = self._levels
        return levels.low + (levels.high - levels.low) * math.pow(0.5, levels.gamma)

    # Picture

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.isEnabled():
            painter.setOpacity(0.4)
        ground = QRectF(_HANDLE, 1, self.width() - 2 * _HANDLE, self.height() - _HANDLE - 2)
        painter.fillRect(ground, self.palette().color(QPalette.ColorRole.Base))
        painter.save()
        painter.setClipRect(ground)
        for histogram, colour in self._histograms:
            self._draw_counts(painter, ground, histogram, colour)
        painter.restore()
        self._draw_curve(painter, ground)
        self._draw_handles(painter, ground)
        painter.end()

    def _draw_counts(self, painter: QPainter, ground: QRectF, histogram: Histogram, colour: Colour) -> None:
        """A filled outline of the counts; their logarithm, since a few bright pixels matter as much as the ground."""
        heights = np.log1p(histogram.counts) / max(math.log1p(int(histogram.counts.max(initial=0))), 1.0)
        lefts = np.linspace(self.position(histogram.low), self.position(histogram.high), len(heights) + 1)
        corners = [QPointF(lefts[0], ground.bottom())]
        for left, right, height in zip(lefts[:-1], lefts[1:], heights, strict=True):
            y = ground.bottom() - float(height) * (ground.height() - 2)
            corners += [QPointF(left, y), QPointF(right, y)]
        corners.append(QPointF(lefts[-1], ground.bottom()))
        ink = QColor(*colour)
        if ink.hslSaturationF() == 0:  # a grey channel in the ink of the text: white would vanish on a light ground
            ink = self.palette().color(QPalette.ColorRole.WindowText)
        ink.setAlphaF(0.5)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        painter.drawPolygon(QPolygonF(corners))

    def _draw_curve(self, painter: QPainter, ground: QRectF) -> None:
        low, high = self.position(self._levels.low), self.position(self._levels.high)
        path = QPainterPath(QPointF(ground.left(), ground.bottom()))
        for step in range(33):
            share = (step / 32) ** 2  # denser where a large gamma makes it steep
            brightness = share ** (1 / self._levels.gamma)
            path.lineTo(low + share * (high - low), ground.bottom() - brightness * ground.height())
        path.lineTo(ground.right(), ground.top())
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(color(Tone.ACCENT), 1.5))
        painter.drawPath(path)

    def _draw_handles(self, painter: QPainter, ground: QRectF) -> None:
        edge = self.palette().color(QPalette.ColorRole.WindowText)
        painter.setPen(QPen(edge, 1))
        for value, fill in (
            (self._middle(), QColor(128, 128, 128)),
            (self._levels.low, QColor(0, 0, 0)),
            (self._levels.high, QColor(255, 255, 255)),
        ):
            x = self.position(value)
            painter.setBrush(fill)
            painter.drawPolygon(
                QPolygonF(
                    [
                        QPointF(x, ground.bottom() - 2),
                        QPointF(x - _HANDLE + 1, ground.bottom() + _HANDLE),
                        QPointF(x + _HANDLE - 1, ground.bottom() + _HANDLE),
                    ]
                )
            )


def _gamma_with_middle(share: float) -> float:
    """The gamma that shows a value at `share` 0…1 between black and white half bright."""
    least, most = GAMMA_RANGE
    share = min(max(share, 0.5**most), 0.5**least)
    return math.log(share) / math.log(0.5)

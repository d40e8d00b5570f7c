"""What is drawn around the pointer: the ring of the brush, and the cross that stands in for a mouse."""

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

HALO = QColor(0, 0, 0, 190)
_NEAR, _FAR = 3.0, 9.0
"""Where the arms of the cross begin and end, in window pixels from the pointer, whose pixel stays in sight."""


def line_pen(colour: QColor, width: float, widget: QWidget | None) -> QPen:
    """A pen that draws lines `width` window pixels wide at any zoom, on screens of any fineness."""
    pen = QPen(colour, width * (widget.devicePixelRatioF() if widget is not None else 1.0))
    pen.setCosmetic(True)
    return pen


class Ring(QGraphicsItem):
    """The brush at its true size, in the colour of what it would paint; dark edges make it seen on any slide."""

    def __init__(self) -> None:
        super().__init__()
        self.colour = QColor(255, 255, 255)
        self._radius = 0.5
        self._margin = 0.0
        self.setZValue(10)
        self.hide()

    def set_size(self, size: float) -> None:
        """The brush's diameter in pixels of the plane."""
        self.prepareGeometryChange()
        self._radius = max(size / 2, 0.5)

    def set_zoom(self, zoom: float) -> None:
        """Window pixels for each pixel of the plane."""
        self.prepareGeometryChange()
        self._margin = 3.0 / zoom

    def set_colour(self, colour: QColor) -> None:
        self.colour = colour
        self.update()

    def boundingRect(self) -> QRectF:
        reach = self._radius + self._margin
        return QRectF(-reach, -reach, 2 * reach, 2 * reach)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        for colour, width in ((HALO, 3.0), (self.colour, 1.5)):
            painter.setPen(line_pen(colour, width, widget))
            painter.drawEllipse(QPointF(), self._radius, self._radius)


class PointerMark(QGraphicsItem):
    """A cross of one size at any zoom where the keyboard points, white between dark edges."""

    def __init__(self) -> None:
        super().__init__()
        self._arms = [QLineF(_NEAR * x, _NEAR * y, _FAR * x, _FAR * y) for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1))]
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIgnoresTransformations)
        self.setZValue(11)
        self.hide()

    def boundingRect(self) -> QRectF:
        side = 2 * _FAR + 4
        return QRectF(-side / 2, -side / 2, side, side)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        for colour, width in ((HALO, 3.5), (QColor(255, 255, 255), 1.5)):
            painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLines(self._arms)

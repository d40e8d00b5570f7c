"""A place of the slide that is marked for a moment."""

from PySide6.QtCore import QObject, QRectF, QTimer
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from unet_studio.core.tiles import Box
from unet_studio.gui.canvas.pointer_mark import HALO, line_pen

_SHOWN_MS = 1000


class PlaceMark(QGraphicsItem):
    """A frame around a box of the plane, white between dark edges, that goes by itself."""

    def __init__(self, owner: QObject) -> None:
        super().__init__()
        self._rect = QRectF()
        self._timer = QTimer(owner, singleShot=True, interval=_SHOWN_MS)
        self._timer.timeout.connect(self.hide)
        self.setZValue(8)
        self.hide()

    def mark(self, box: Box) -> None:
        """Show the frame around `box` for a second."""
        self.prepareGeometryChange()
        self._rect = QRectF(box.x0, box.y0, box.width, box.height)
        self.show()
        self._timer.start()

    def boundingRect(self) -> QRectF:
        margin = 4 / max(self._zoom(), 1e-6)
        return self._rect.adjusted(-margin, -margin, margin, margin)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        for colour, width in ((HALO, 5.0), (QColor(255, 255, 255), 2.0)):
            painter.setPen(line_pen(colour, width, widget))
            painter.drawRect(self._rect)

    def _zoom(self) -> float:
        scene = self.scene()
        views = scene.views() if scene is not None else []
        return views[0].transform().m11() if views else 1.0

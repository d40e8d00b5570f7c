"""What a tool is about to do, drawn over slide and mask so that it is seen on any ground."""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from unet_studio.gui.tools.tool import NOTHING, Preview

_HALO = QColor(0, 0, 0, 190)
_ANCHOR = 3.5  # window pixels, half a side
_REGION_ALPHA = 140
_TEXT_AWAY = 14.0  # window pixels from the end of the path


class PreviewItem(QGraphicsItem):
    """A path with anchors, or a region in the colour of its class; plane coordinates, lines of constant width."""

    def __init__(self) -> None:
        super().__init__()
        self._preview = NOTHING
        self._colour = QColor(255, 255, 255)
        self._path = QPolygonF()
        self._image: QImage | None = None
        self._mask: object = None  # keeps the picture's memory alive
        self.setZValue(9)

    def set_colour(self, colour: QColor) -> None:
        self._colour = colour
        self.update()

    def show_preview(self, preview: Preview) -> None:
        if preview is self._preview:
            return
        self.prepareGeometryChange()
        self._preview = preview
        self._path = QPolygonF([QPointF(x, y) for y, x in preview.path])
        self._image = self._region_image(preview)
        self.update()

    def boundingRect(self) -> QRectF:
        rect = self._path.boundingRect()
        region = self._preview.region
        if region is not None:
            box = region.box
            rect = rect.united(QRectF(box.x0, box.y0, box.width, box.height))
        if rect.isNull() and self._path.isEmpty():
            return QRectF()
        margin = 12 / max(self._zoom(), 1e-6)
        return rect.adjusted(-margin, -margin, margin, margin)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        region = self._preview.region
        if self._image is not None and region is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
            box = region.box
            painter.drawImage(QRectF(box.x0, box.y0, box.width, box.height), self._image)
        for colour, width in ((_HALO, 3.0), (self._colour, 1.5)):
            pen = QPen(colour, width)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawPolyline(self._path)
            if self._preview.closed and len(self._preview.path) > 2:
                pen.setStyle(Qt.PenStyle.DashLine)
                painter.setPen(pen)
                painter.drawLine(self._path.last(), self._path.first())
        self._draw_anchors(painter)

    def _draw_anchors(self, painter: QPainter) -> None:
        half = _ANCHOR / max(self._zoom(), 1e-6)
        pen = QPen(_HALO, 1.0)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.setBrush(self._colour)
        for y, x in self._preview.anchors:
            painter.drawRect(QRectF(x - half, y - half, 2 * half, 2 * half))

    def _region_image(self, preview: Preview) -> QImage | None:
        """The region as a tinted picture; one byte a pixel, since it may be large."""
        if preview.region is None:
            return None
        inside = np.ascontiguousarray(preview.region.inside, dtype=np.uint8)
        self._mask = inside
        height, width = inside.shape
        image = QImage(inside.data, width, height, width, QImage.Format.Format_Indexed8)
        tint = QColor(self._colour)
        tint.setAlpha(_REGION_ALPHA)
        image.setColorTable([0, tint.rgba()])
        return image

    def _zoom(self) -> float:
        scene = self.scene()
        views = scene.views() if scene is not None else []
        return views[0].transform().m11() if views else 1.0

"""What a tool is about to do, drawn over slide and mask so that it is seen on any ground."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPolygonF
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from unet_studio.gui.canvas.pointer_mark import HALO, line_pen
from unet_studio.gui.tools.tool import NOTHING, Preview

_ANCHOR = 3.5  # window pixels, half a side
_REGION_ALPHA = 140
_INSIDE, _DARK, _LIGHT = 1, 2, 3
"""What a pixel of a region's picture is: the inside, or one of the two lines along its border."""


class PreviewItem(QGraphicsItem):
    """A path with anchors, or a region in the colour of its class with a border; lines have the same width at any zoom.

    All is in coordinates of the plane.
    """

    def __init__(self) -> None:
        super().__init__()
        self._preview = NOTHING
        self._colour = QColor(255, 255, 255)
        self._path = QPolygonF()
        self._image: QImage | None = None
        self._pixels: NDArray[np.uint8] | None = None  # the memory of the picture
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
        for colour, width in ((HALO, 3.0), (self._colour, 1.5)):
            pen = line_pen(colour, width, widget)
            painter.setPen(pen)
            painter.drawPolyline(self._path)
            if self._preview.closed and len(self._preview.path) > 2:
                pen.setStyle(Qt.PenStyle.DashLine)
                painter.setPen(pen)
                painter.drawLine(self._path.last(), self._path.first())
        self._draw_anchors(painter, widget)

    def _draw_anchors(self, painter: QPainter, widget: QWidget | None) -> None:
        half = _ANCHOR / max(self._zoom(), 1e-6)
        painter.setPen(line_pen(HALO, 1.0, widget))
        painter.setBrush(self._colour)
        for y, x in self._preview.anchors:
            painter.drawRect(QRectF(x - half, y - half, 2 * half, 2 * half))

    def _region_image(self, preview: Preview) -> QImage | None:
        """The region as a tinted picture; one byte a pixel, since it may be large."""
        if preview.region is None or preview.region.is_empty:
            return None
        self._pixels = _bordered(preview.region.inside, math.ceil(1 / self._zoom()))
        height, width = self._pixels.shape
        image = QImage(self._pixels.data, width, height, width, QImage.Format.Format_Indexed8)
        tint = QColor(self._colour)
        tint.setAlpha(_REGION_ALPHA)
        image.setColorTable([0, tint.rgba(), HALO.rgba(), QColor(255, 255, 255).rgba()])
        return image

    def _zoom(self) -> float:
        scene = self.scene()
        views = scene.views() if scene is not None else []
        return views[0].transform().m11() if views else 1.0


def _bordered(inside: NDArray[np.bool_], width: int) -> NDArray[np.uint8]:
    """`inside` (h, w) as numbers of a colour table: at its border a light and a dark line, each `width` pixels wide."""
    pixels = inside.astype(np.uint8)
    square = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    light = cv2.erode(pixels, square, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    dark = cv2.erode(light, square, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.where(dark > 0, _INSIDE, np.where(light > 0, _DARK, _LIGHT)).astype(np.uint8) * pixels

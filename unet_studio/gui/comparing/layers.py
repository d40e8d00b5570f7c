"""A mask that is seen in a part of each view only."""

from collections.abc import Callable

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from unet_studio.gui.background import Background
from unet_studio.gui.canvas.mask_layer import MaskLayer


class ComparedLayer(MaskLayer):
    """Paints only in the part of a viewport that `part` says for it, in its pixels."""

    def __init__(
        self, background: Background, tell: Callable[[str], None], part: Callable[[QWidget | None], QRect]
    ) -> None:
        super().__init__(background, tell)
        self._part = part
        self.hide()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        part, world = self._part(widget), painter.worldTransform()
        option.exposedRect &= world.inverted()[0].mapRect(QRectF(part))
        if option.exposedRect.isEmpty():
            return
        painter.save()
        painter.resetTransform()
        painter.setClipRect(part, Qt.ClipOperation.IntersectClip)
        painter.setWorldTransform(world)
        super().paint(painter, option, widget)
        painter.restore()

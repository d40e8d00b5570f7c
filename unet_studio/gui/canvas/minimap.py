"""The minimap: the whole plane, small, in a corner of the canvas, and the part of it that is in view."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QRegion
from PySide6.QtWidgets import QWidget

from unet_studio.core.figures.display import Display, to_rgb
from unet_studio.core.slides.reader import SlideReader
from unet_studio.core.tiles import Box
from unet_studio.gui.background import Background
from unet_studio.gui.canvas.canvas import Canvas

_SIDE = 180
_MARGIN = 8
_LEAST_SIDE = 12  # of the picture, however narrow the plane is
_LEAST_VIEW = 8  # of the rectangle, however small the part in view is
_BAND = 32
_GROUND = QColor(24, 24, 24)
_DIMMED = QColor(0, 0, 0, 80)
_EDGE = QColor(150, 150, 150)


class Minimap(QWidget):
    """Lies over the canvas while part of the plane is out of view; a click or a drag in it moves the view.

    The plane is read when it is first needed, and band by band: on a large slide the tiles that the canvas asks for in
    the meantime come first. Painting never repaints it.
    """

    def __init__(self, canvas: Canvas, background: Background, *, wanted: bool = True) -> None:
        super().__init__(canvas.viewport())
        self._canvas = canvas
        self._background = background
        self._reader: SlideReader | None = None
        self._plane = 0
        self._display = Display()
        self._small: NDArray[np.generic] | None = None
        self._picture: QImage | None = None
        self._held: QPointF | None = None
        self._wanted = wanted

        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(self.tr("Minimap"))
        self.setAccessibleDescription(self.tr("The whole plane, and the part of it that is in view"))
        self.setToolTip(self.tr("Click or drag to move the view (M hides the minimap)"))
        self.hide()

        canvas.zoom_changed.connect(self.follow)
        canvas.horizontalScrollBar().valueChanged.connect(self.follow)
        canvas.verticalScrollBar().valueChanged.connect(self.follow)
        canvas.viewport().installEventFilter(self)

    @property
    def is_wanted(self) -> bool:
        """Whether it is shown where there is something to show."""
        return self._wanted

    def set_wanted(self, wanted: bool) -> None:
        self._wanted = wanted
        self.follow()

    def show_plane(self, reader: SlideReader | None, plane: int, display: Display) -> None:
        """Show a plane of an open slide, the one that the canvas shows already, or nothing."""
        self._reader, self._plane, self._display = reader, plane, display
        self._small = self._picture = None
        self.follow()

    def set_display(self, display: Display) -> None:
        self._display = display
        self._picture = None
        self.update()

    def follow(self) -> None:
        """Show where the view is now."""
        shown = self._wanted and self._reader is not None and not self._whole_plane_in_view()
        if shown:
            self._place()
            self._read()
            self.update()
        self.setVisible(shown)

    def view_rect(self) -> QRect:
        """The part in view, in pixels of the minimap: inside it, and never too small to see."""
        plane, view = self._plane_rect(), self._view_in_scene()
        scale_x, scale_y = self.width() / plane.width(), self.height() / plane.height()
        seen = QRectF(view.x() * scale_x, view.y() * scale_y, view.width() * scale_x, view.height() * scale_y)
        centre = seen.center()
        seen.setSize(seen.size().expandedTo(QSize(_LEAST_VIEW, _LEAST_VIEW)))
        seen.moveCenter(centre)
        return _kept_inside(seen.toAlignedRect(), self.rect())

    # Where things are

    def _plane_rect(self) -> QRectF:
        return self._canvas.plane_rect()

    def _view_in_scene(self) -> QRectF:
        return self._canvas.mapToScene(self._canvas.viewport().rect()).boundingRect()

    def _whole_plane_in_view(self) -> bool:
        plane, pixel = self._plane_rect(), 1 / self._canvas.zoom
        return plane.isEmpty() or self._view_in_scene().adjusted(-pixel, -pixel, pixel, pixel).contains(plane)

    def _place(self) -> None:
        """Into the lower right corner; scrolling moves what lies over the canvas, so this is done each time."""
        room = self._canvas.viewport().rect().adjusted(0, 0, -_MARGIN, -_MARGIN)
        side = min(_SIDE, room.width() // 3, room.height() // 3)
        size = self._plane_rect().size().scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio).toSize()
        corner = QRect(0, 0, max(size.width(), _LEAST_SIDE), max(size.height(), _LEAST_SIDE))
        corner.moveBottomRight(room.bottomRight())
        if corner.size() != self.size():
            self._picture = None
        self.setGeometry(corner)

    # Its picture

    def _read(self) -> None:
        reader, plane = self._reader, self._plane
        if reader is None or self._small is not None:
            return
        shrink = 1
        while max(reader.info.height, reader.info.width) // shrink > 2 * _SIDE * self.devicePixelRatioF():
            shrink *= 2
        extent = reader.info.box(shrink)
        small: NDArray[np.generic] = np.zeros((*extent.shape, reader.info.channels), reader.info.dtype)
        self._small = small

        def ask(band: Box) -> None:
            def arrived(pixels: NDArray[np.generic]) -> None:
                if self._small is small:
                    small[band.slices] = pixels
                    self._picture = None
                    self.update()

            # What can't be read is told by the canvas, which shows the same.
            self._background.run(
                f"reading '{reader.path.name}' for the minimap",
                lambda: reader.read(plane, band, shrink=shrink),
                arrived,
                failed=lambda _: None,
            )

        for top in range(0, extent.height, _BAND):
            ask(Box(top, 0, min(top + _BAND, extent.height), extent.width))

    def _render(self, small: NDArray[np.generic]) -> QImage:
        rgb = np.ascontiguousarray(to_rgb(small, self._display))
        height, width = rgb.shape[:2]
        image = QImage(rgb.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        ratio = self.devicePixelRatioF()
        picture = image.scaled(
            self.size() * ratio, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
        ).convertToFormat(QImage.Format.Format_RGB32)
        picture.setDevicePixelRatio(ratio)
        return picture

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), _GROUND)
        if self._picture is None and self._small is not None:
            self._picture = self._render(self._small)
        if self._picture is not None:
            painter.drawImage(0, 0, self._picture)
        painter.setPen(_EDGE)
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        view = self.view_rect()
        painter.setClipRegion(QRegion(self.rect()) - QRegion(view))
        painter.fillRect(self.rect(), _DIMMED)
        painter.setClipping(False)
        # White between black lines is seen on any slide.
        for inset, colour in ((0, Qt.GlobalColor.black), (1, Qt.GlobalColor.white), (2, Qt.GlobalColor.black)):
            painter.setPen(colour)
            painter.drawRect(view.adjusted(inset, inset, -1 - inset, -1 - inset))

    # Moving the view

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            # A drag takes the rectangle where it is held; a click beside it brings it there.
            view, position = self.view_rect(), event.position()
            self._held = QRectF(view).center() - position if view.contains(position.toPoint()) else QPointF()
            self._move_view(position)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._held is not None:
            self._move_view(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._held = None

    def _move_view(self, position: QPointF) -> None:
        """Bring what is at a position of the minimap into the middle of the view; the plane's edge is the limit."""
        plane, target = self._plane_rect(), position + (self._held or QPointF())
        self._canvas.centerOn(
            min(max(target.x() / self.width(), 0), 1) * plane.width(),
            min(max(target.y() / self.height(), 0), 1) * plane.height(),
        )

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.follow()
        return super().eventFilter(watched, event)


def _kept_inside(rect: QRect, around: QRect) -> QRect:
    """The rectangle moved inside `around`, and cut where it is larger."""
    moved = QRect(rect)
    moved.moveLeft(min(max(rect.left(), around.left()), around.right() - rect.width() + 1))
    moved.moveTop(min(max(rect.top(), around.top()), around.bottom() - rect.height() + 1))
    return moved.intersected(around)

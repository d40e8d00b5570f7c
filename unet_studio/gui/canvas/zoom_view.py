"""A view that is zoomed and panned over a plane: by the wheel, a touchpad's pinch, and by who uses it."""

import math
from collections.abc import Callable

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QCursor, QNativeGestureEvent, QPainter, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QFrame, QGraphicsScene, QGraphicsView, QWidget

_ZOOM_STEP = 1.25
_WHEEL_STEP = 120  # eighths of a degree
_MAX_ZOOM = 64.0


class ZoomView(QGraphicsView):
    """Shows a scene whose units are the pixels of a plane, (x, y); until it is zoomed or panned, all of the plane."""

    brush_size_asked = Signal(int)  # steps up or down
    plane_asked = Signal(int)  # planes forward or back
    zoom_changed = Signal(float)

    def __init__(self, scene: QGraphicsScene, parent: QWidget | None = None) -> None:
        super().__init__(scene, parent)
        self._turned = 0.0  # steps of the wheel not yet acted upon
        self._fitted = True
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.AnchorViewCenter)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.SmartViewportUpdate)
        self.setBackgroundBrush(QColor(38, 38, 38))
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        # Under a style sheet Qt doesn't see that all is painted, and would paint anew what scrolling could just move.
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def plane_rect(self) -> QRectF:
        """Where the plane is in the scene; empty while there is none."""
        raise NotImplementedError

    @property
    def zoom(self) -> float:
        """Window pixels for each pixel of the slide."""
        return self.transform().m11()

    def fit(self) -> None:
        """Show the whole plane."""
        rect = self.plane_rect()
        if rect.isEmpty():
            return
        self._set_zoom(self.zoom_of_fit())
        self.centerOn(rect.center())
        self._fitted = True

    def zoom_of_fit(self) -> float:
        """The zoom at which the whole plane, which must not be empty, is just in view."""
        rect, view = self.plane_rect(), self.viewport().size()
        zoom = min((view.width() - 16) / rect.width(), (view.height() - 16) / rect.height(), _MAX_ZOOM)
        return max(zoom, 1e-4)

    def fit_unless_zoomed(self) -> None:
        """Show the whole plane, unless only a part of it was asked for."""
        if self._fitted:
            self.fit()

    def zoom_to(self, zoom: float) -> None:
        """Zoom about the middle of the view."""
        self.zoom_at(QPointF(self.viewport().rect().center()), zoom / self.zoom)

    def zoom_in(self) -> None:
        self.zoom_at(self.zoom_anchor(), _ZOOM_STEP)

    def zoom_out(self) -> None:
        self.zoom_at(self.zoom_anchor(), 1 / _ZOOM_STEP)

    def zoom_at(self, position: QPointF, factor: float) -> None:
        """Zoom about a position of the viewport."""
        zoom = min(max(self.zoom * factor, 1e-4), _MAX_ZOOM)
        before = self.mapToScene(position.toPoint())
        self._set_zoom(zoom)
        after = self.mapFromScene(before)
        self.pan(after.x() - position.toPoint().x(), after.y() - position.toPoint().y())

    def pan(self, right: int, down: int) -> None:
        """Move the view over the slide by window pixels."""
        self.horizontalScrollBar().setValue(self.horizontalScrollBar().value() + right)
        self.verticalScrollBar().setValue(self.verticalScrollBar().value() + down)
        self._fitted = False

    def zoom_anchor(self) -> QPointF:
        """The position of the viewport that stays where it is: the mouse's, or the middle where that is elsewhere."""
        position = self.viewport().mapFromGlobal(QCursor.pos())
        inside = self.viewport().rect().contains(position) and self.underMouse()
        return QPointF(position if inside else self.viewport().rect().center())

    def _set_zoom(self, zoom: float) -> None:
        self.resetTransform()
        self.scale(zoom, zoom)
        self.zoom_changed.emit(zoom)

    def scene_at(self, position: QPointF) -> QPointF:
        """The point of the plane at a position of the viewport, which for a pen or a fine screen is no whole pixel."""
        return self.viewportTransform().inverted()[0].map(position)

    def nearest_on_plane(self, scene: QPointF) -> QPointF:
        """The point of the plane that is nearest; its right and lower border belong to no pixel any more."""
        plane = self.plane_rect()
        return QPointF(
            min(max(scene.x(), 0.0), math.nextafter(plane.right(), 0.0)),
            min(max(scene.y(), 0.0), math.nextafter(plane.bottom(), 0.0)),
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit_unless_zoomed()

    def wheelEvent(self, event: QWheelEvent) -> None:
        turned = event.angleDelta()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._turn(turned, self.brush_size_asked.emit)
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._turn(turned, lambda steps: self.plane_asked.emit(-steps))
        elif turned.y():
            self.zoom_at(event.position(), _ZOOM_STEP ** (turned.y() / _WHEEL_STEP))
        event.accept()

    def _turn(self, turned: QPoint, act: Callable[[int], None]) -> None:
        """Act upon whole steps of the wheel; touchpads send small parts, and some systems turn it sideways by Shift."""
        self._turned += (turned.y() or turned.x()) / _WHEEL_STEP
        steps = math.trunc(self._turned)
        if steps:
            self._turned -= steps
            act(steps)

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self.zoom_at(event.position(), 1 + event.value())
            return True
        return super().viewportEvent(event)

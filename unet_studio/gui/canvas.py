"""The canvas: the slide with its mask, zoomed and panned; the mouse and pen speak intentions in (y, x)."""

from enum import StrEnum

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QCursor,
    QEnterEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QGraphicsEllipseItem, QGraphicsScene, QGraphicsView, QWidget

from unet_studio.core.display import Contrast
from unet_studio.core.masks import MaskView
from unet_studio.core.reading import SlideReader
from unet_studio.core.tiles import Box
from unet_studio.gui.background import Background
from unet_studio.gui.tile_layer import MaskLayer, SlideLayer

_ZOOM_STEP = 1.25
_MAX_ZOOM = 64.0


class Tool(StrEnum):
    """What the left button does."""

    MOVE = "move"
    BRUSH = "brush"
    ERASER = "eraser"
    FILL = "fill"


class Canvas(QGraphicsView):
    """Shows one plane. It changes nothing: strokes, fills and brush sizes are asked for by signals."""

    stroke_began = Signal(float, float, bool)  # y, x, whether labels are taken back (Alt)
    stroke_moved = Signal(float, float)
    stroke_ended = Signal()
    fill_asked = Signal(int, int)
    cursor_moved = Signal(float, float)
    cursor_left = Signal()
    brush_size_asked = Signal(int)  # steps up or down
    plane_asked = Signal(int)  # planes forward or back
    zoom_changed = Signal(float)
    outlines_asked = Signal()

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tool = Tool.MOVE
        self._brush_size = 24
        self._panning_from: QPoint | None = None
        self._space_held = False
        self._stroking = False
        self._last_end: QPointF | None = None
        self._fitted = True

        self.slide_layer = SlideLayer(background)
        self.mask_layer = MaskLayer(background)
        self._ring_halo = _ring(QColor(0, 0, 0, 190), 3.0)
        self._ring = _ring(QColor(255, 255, 255), 1.5)
        scene = QGraphicsScene(self)
        scene.setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
        for item in (self.slide_layer, self.mask_layer, self._ring_halo, self._ring):
            scene.addItem(item)
        self.setScene(scene)

        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.AnchorViewCenter)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.SmartViewportUpdate)
        self.setBackgroundBrush(QColor(38, 38, 38))
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.setAccessibleName(self.tr("Slide with its mask"))

    # What is shown

    def show_plane(self, reader: SlideReader | None, plane: int, contrast: Contrast, view: MaskView | None) -> None:
        """Show a plane of an open slide, or nothing; the zoom stays where the size is the same."""
        shape = (reader.info.height, reader.info.width) if reader else (0, 0)
        same_size = shape == (self.slide_layer.boundingRect().height(), self.slide_layer.boundingRect().width())
        self.slide_layer.show_plane(reader, plane, contrast)
        self.mask_layer.show_mask(view, shape)
        self._last_end = None
        margin = max(shape) or 1
        self.scene().setSceneRect(QRectF(-margin, -margin, shape[1] + 2 * margin, shape[0] + 2 * margin))
        if not same_size or self._fitted:
            self.fit()

    def refresh_mask(self, box: Box) -> None:
        self.mask_layer.refresh(box)

    # Zoom

    @property
    def zoom(self) -> float:
        """Window pixels for each pixel of the slide."""
        return self.transform().m11()

    def fit(self) -> None:
        """Show the whole plane."""
        rect = self.slide_layer.boundingRect()
        if rect.isEmpty():
            return
        view = self.viewport().size()
        zoom = min((view.width() - 16) / rect.width(), (view.height() - 16) / rect.height(), _MAX_ZOOM)
        self._set_zoom(max(zoom, 1e-4))
        self.centerOn(rect.center())
        self._fitted = True

    def zoom_to(self, zoom: float) -> None:
        """Zoom about the middle of the view."""
        self._zoom_at(QPointF(self.viewport().rect().center()), zoom / self.zoom)

    def zoom_in(self) -> None:
        self._zoom_at(self._anchor(), _ZOOM_STEP)

    def zoom_out(self) -> None:
        self._zoom_at(self._anchor(), 1 / _ZOOM_STEP)

    def pan(self, right: float, down: float) -> None:
        """Move the view over the slide by shares of its size."""
        view = self.viewport().size()
        self._scroll(round(right * view.width()), round(down * view.height()))

    def _anchor(self) -> QPointF:
        """The cursor, where it is over the canvas; the middle otherwise."""
        position = self.viewport().mapFromGlobal(QCursor.pos())
        inside = self.viewport().rect().contains(position) and self.underMouse()
        return QPointF(position if inside else self.viewport().rect().center())

    def _zoom_at(self, position: QPointF, factor: float) -> None:
        zoom = min(max(self.zoom * factor, 1e-4), _MAX_ZOOM)
        before = self.mapToScene(position.toPoint())
        self._set_zoom(zoom)
        after = self.mapFromScene(before)
        self._scroll(after.x() - position.toPoint().x(), after.y() - position.toPoint().y())
        self._fitted = False

    def _set_zoom(self, zoom: float) -> None:
        self.resetTransform()
        self.scale(zoom, zoom)
        self.zoom_changed.emit(zoom)

    def _scroll(self, right: int, down: int) -> None:
        self.horizontalScrollBar().setValue(self.horizontalScrollBar().value() + right)
        self.verticalScrollBar().setValue(self.verticalScrollBar().value() + down)

    # Tool and brush

    @property
    def tool(self) -> Tool:
        return self._tool

    def set_tool(self, tool: Tool) -> None:
        self._finish_stroke()
        self._tool = tool
        self._update_cursor()

    def set_brush(self, size: int, colour: tuple[int, int, int]) -> None:
        """The brush's diameter in pixels of the slide, and its class's colour."""
        self._brush_size = size
        pen = self._ring.pen()
        pen.setColor(QColor(*colour))
        self._ring.setPen(pen)
        self._move_ring(self.mapToScene(self.viewport().mapFromGlobal(QCursor.pos())))

    def _move_ring(self, scene: QPointF) -> None:
        radius = max(self._brush_size / 2, 0.5)
        rect = QRectF(scene.x() - radius, scene.y() - radius, 2 * radius, 2 * radius)
        for ring in (self._ring_halo, self._ring):
            ring.setRect(rect)

    def _update_cursor(self) -> None:
        paints = self._tool in (Tool.BRUSH, Tool.ERASER) and not self._space_held and self._panning_from is None
        over = self.underMouse() and not self.slide_layer.boundingRect().isEmpty()
        for ring in (self._ring_halo, self._ring):
            ring.setVisible(paints and over)
        if self._panning_from is not None:
            shape = Qt.CursorShape.ClosedHandCursor
        elif self._tool is Tool.MOVE or self._space_held:
            shape = Qt.CursorShape.OpenHandCursor
        else:
            shape = Qt.CursorShape.CrossCursor
        self.viewport().setCursor(shape)

    # Events

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._stroking or self._panning_from is not None:
            return  # a second button changes nothing in mid-stroke
        left = event.button() == Qt.MouseButton.LeftButton
        if event.button() == Qt.MouseButton.MiddleButton or (left and (self._space_held or self._tool is Tool.MOVE)):
            self._panning_from = event.position().toPoint()
            self._update_cursor()
        elif left and not self.slide_layer.boundingRect().isEmpty():
            self._press_tool(self.mapToScene(event.position().toPoint()), event.modifiers())

    def _press_tool(self, scene: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        if self._tool is Tool.FILL:
            if self.slide_layer.boundingRect().contains(scene):
                self.fill_asked.emit(int(scene.y()), int(scene.x()))
            return
        self._stroking = True
        start = scene
        if modifiers & Qt.KeyboardModifier.ShiftModifier and self._last_end is not None:
            start = self._last_end
        self.stroke_began.emit(start.y(), start.x(), bool(modifiers & Qt.KeyboardModifier.AltModifier))
        if start != scene:
            self.stroke_moved.emit(scene.y(), scene.x())
        self._last_end = scene

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._panning_from is not None:
            moved = event.position().toPoint() - self._panning_from
            self._panning_from = event.position().toPoint()
            self._scroll(-moved.x(), -moved.y())
            self._fitted = False
            return
        scene = self.mapToScene(event.position().toPoint())
        self._move_ring(scene)
        if not self._ring.isVisible():
            self._update_cursor()
        self.cursor_moved.emit(scene.y(), scene.x())
        if self._stroking:
            self.stroke_moved.emit(scene.y(), scene.x())
            self._last_end = scene

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._panning_from is not None and event.button() != Qt.MouseButton.RightButton:
            self._panning_from = None
            self._update_cursor()
        elif event.button() == Qt.MouseButton.LeftButton:
            self._finish_stroke()

    def _finish_stroke(self) -> None:
        if self._stroking:
            self._stroking = False
            self.stroke_ended.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        steps = event.angleDelta().y() / 120
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.brush_size_asked.emit(1 if steps > 0 else -1)
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.plane_asked.emit(-1 if steps > 0 else 1)
        elif steps:
            self._zoom_at(event.position(), _ZOOM_STEP**steps)
        event.accept()

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self._zoom_at(event.position(), 1 + event.value())
            return True
        return super().viewportEvent(event)

    def focusNextPrevChild(self, next: bool) -> bool:  # noqa: A002
        """Tab shows outlines here; Shift+Tab and F6 leave the canvas."""
        if next:
            self.outlines_asked.emit()
            return True
        return super().focusNextPrevChild(next)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._space_held = True
                self._update_cursor()
        else:
            event.ignore()  # everything else is a shortcut of the window

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space_held = False
            self._update_cursor()
        else:
            event.ignore()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._space_held = False
        self._update_cursor()
        super().focusOutEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._update_cursor()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._update_cursor()
        self.cursor_left.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._fitted:
            self.fit()


def _ring(colour: QColor, width: float) -> QGraphicsEllipseItem:
    ring = QGraphicsEllipseItem()
    pen = QPen(colour, width)
    pen.setCosmetic(True)
    ring.setPen(pen)
    ring.setVisible(False)
    ring.setZValue(10)
    return ring

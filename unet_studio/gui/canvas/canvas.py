"""The canvas: the slide with its mask, zoomed and panned, and where the pointer is on it."""

import math
from collections.abc import Callable

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QCursor, QNativeGestureEvent, QPainter, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QFrame, QGraphicsScene, QGraphicsView, QWidget

from unet_studio.core.figures.display import Display
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.slides.opening import SlideReader
from unet_studio.core.tiles import Box
from unet_studio.gui.background import Background
from unet_studio.gui.canvas.cursor_note import CursorNote
from unet_studio.gui.canvas.pointer_mark import PointerMark, Ring
from unet_studio.gui.canvas.preview_item import PreviewItem
from unet_studio.gui.canvas.tile_layer import MaskLayer, SlideLayer
from unet_studio.gui.tools.tool import Preview

_ZOOM_STEP = 1.25
_WHEEL_STEP = 120  # eighths of a degree
_MAX_ZOOM = 64.0


class Canvas(QGraphicsView):
    """Shows one plane, what the tool in use is about to do, and where `Pointing` says the pointer is.

    The wheel and a touchpad's pinch move the view; it changes nothing itself.
    """

    plane_shown = Signal()
    brush_size_asked = Signal(int)  # steps up or down
    plane_asked = Signal(int)  # planes forward or back
    zoom_changed = Signal(float)
    read_failed = Signal(str)  # why part of the plane can't be shown
    outlines_asked = Signal()

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pointed: QPointF | None = None
        """Where the mouse, the pen or the keyboard points, on the plane or beside it; None if nowhere yet."""
        self._turned = 0.0  # steps of the wheel not yet acted upon
        self._fitted = True

        self.slide_layer = SlideLayer(background, self.read_failed.emit)
        self.mask_layer = MaskLayer(background)
        self._ring = Ring()
        self._mark = PointerMark()
        self._preview = PreviewItem()
        self._note = CursorNote(self.viewport())
        scene = QGraphicsScene(self)
        scene.setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
        for item in (self.slide_layer, self.mask_layer, self._preview, self._ring, self._mark):
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
        # Under a style sheet Qt doesn't see that all is painted, and would paint anew what scrolling could just move.
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName(self.tr("Slide with its mask"))

    # What is shown

    def show_plane(self, reader: SlideReader | None, plane: int, display: Display, view: MaskView | None) -> None:
        """Show a plane of an open slide, or nothing; the zoom stays where the size is the same."""
        shape = (reader.info.height, reader.info.width) if reader else (0, 0)
        same_size = shape == (self.slide_layer.boundingRect().height(), self.slide_layer.boundingRect().width())
        self.slide_layer.show_plane(reader, plane, display)
        self.mask_layer.show_mask(view, shape)
        margin = max(shape) or 1
        self.scene().setSceneRect(QRectF(-margin, -margin, shape[1] + 2 * margin, shape[0] + 2 * margin))
        if not same_size or self._fitted:
            self.fit()
        self.plane_shown.emit()

    def refresh_mask(self, box: Box) -> None:
        self.mask_layer.refresh(box)

    # The view

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
        self.zoom_at(QPointF(self.viewport().rect().center()), zoom / self.zoom)

    def zoom_in(self) -> None:
        self.zoom_at(self._anchor(), _ZOOM_STEP)

    def zoom_out(self) -> None:
        self.zoom_at(self._anchor(), 1 / _ZOOM_STEP)

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

    def _anchor(self) -> QPointF:
        """What stays where it is: what the keyboard or the mouse points at; the middle where that is elsewhere."""
        if self._mark.isVisible():
            return QPointF(self.mapFromScene(self._mark.pos()))
        position = self.viewport().mapFromGlobal(QCursor.pos())
        inside = self.viewport().rect().contains(position) and self.underMouse()
        return QPointF(position if inside else self.viewport().rect().center())

    def _set_zoom(self, zoom: float) -> None:
        self.resetTransform()
        self.scale(zoom, zoom)
        self._ring.set_zoom(zoom)
        self.zoom_changed.emit(zoom)

    def scene_at(self, position: QPointF) -> QPointF:
        """The point of the plane at a position of the viewport, which for a pen or a fine screen is no whole pixel."""
        return self.viewportTransform().inverted()[0].map(position)

    def nearest_on_plane(self, scene: QPointF) -> QPointF:
        """The point of the plane that is nearest; its right and lower border belong to no pixel any more."""
        plane = self.slide_layer.boundingRect()
        return QPointF(
            min(max(scene.x(), 0.0), math.nextafter(plane.right(), 0.0)),
            min(max(scene.y(), 0.0), math.nextafter(plane.bottom(), 0.0)),
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._fitted:
            self.fit()

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

    # Tool and pointer

    def set_brush_size(self, size: int) -> None:
        """The brush's diameter in pixels of the slide."""
        self._ring.set_size(size)

    def set_colour(self, colour: tuple[int, int, int]) -> None:
        """The colour of what the tool in use is about to paint."""
        self._ring.set_colour(QColor(*colour))
        self._preview.set_colour(QColor(*colour))

    def show_preview(self, preview: Preview) -> None:
        """Draw what the tool in use is about to do."""
        self._preview.show_preview(preview)
        if preview.text:
            self.show_note(preview.text)

    def show_note(self, text: str) -> None:
        """Show a word beside the pointer for a moment."""
        at = self.mapFromScene(self.pointed) if self.pointed is not None else self.viewport().rect().center()
        self._note.show_text(text, at)

    @property
    def pointer(self) -> tuple[float, float] | None:
        """Where the mouse, the pen or the keyboard points, (y, x) in pixels of the plane; None if nowhere yet."""
        return (self.pointed.y(), self.pointed.x()) if self.pointed is not None else None

    def point_at(self, scene: QPointF) -> None:
        """Take what is drawn around the pointer to a point of the plane or beside it."""
        self.pointed = scene
        self._ring.setPos(scene)
        self._mark.setPos(scene)
        self._note.follow(self.mapFromScene(scene))

    def show_pointer(self, *, ring: bool, cross: bool) -> None:
        """Whether the brush's size is shown around the pointer, and whether a cross stands in for the mouse."""
        has_plane = not self.slide_layer.boundingRect().isEmpty()
        self._ring.setVisible(ring and has_plane)
        self._mark.setVisible(cross and has_plane)

    def focusNextPrevChild(self, next: bool) -> bool:  # noqa: A002
        """Tab shows outlines here; Shift+Tab and F6 leave the canvas."""
        if next:
            self.outlines_asked.emit()
            return True
        return super().focusNextPrevChild(next)

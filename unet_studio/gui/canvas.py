"""The canvas: the slide with its mask, zoomed and panned; the mouse and pen speak intentions in (y, x)."""

import math
from collections.abc import Callable

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
    QResizeEvent,
    QTabletEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QGraphicsScene, QGraphicsView, QWidget

from unet_studio.core.display import Display
from unet_studio.core.masks import MaskView
from unet_studio.core.reading import SlideReader
from unet_studio.core.tiles import Box
from unet_studio.gui.background import Background
from unet_studio.gui.cursor_note import CursorNote
from unet_studio.gui.pointer_mark import PointerMark, Ring
from unet_studio.gui.preview_item import PreviewItem
from unet_studio.gui.tile_layer import MaskLayer, SlideLayer
from unet_studio.gui.tools.tool import Pointer, Preview

_ZOOM_STEP = 1.25
_WHEEL_STEP = 120  # eighths of a degree
_MAX_ZOOM = 64.0
_ARROWS = {
    Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0), Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1)
}  # fmt: skip
_OUTLINE_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Backspace, Qt.Key.Key_Escape)
_MODIFIER_KEYS = (Qt.Key.Key_Shift, Qt.Key.Key_Alt)
_NO_MODIFIER = Qt.KeyboardModifier.NoModifier


class Canvas(QGraphicsView):
    """Shows one plane and tells what the pointer does over it; it changes nothing itself.

    The pointer is the mouse, a pen, or the keyboard: arrows move it over the slide, and a key presses it.
    """

    pressed = Signal(object)  # Pointer
    dragged = Signal(object)
    hovered = Signal(object)
    released = Signal(object)
    double_clicked = Signal(object)
    finish_asked = Signal()
    cancel_asked = Signal()
    step_back_asked = Signal()
    cursor_moved = Signal(float, float)
    cursor_left = Signal()
    brush_size_asked = Signal(int)  # steps up or down
    plane_asked = Signal(int)  # planes forward or back
    zoom_changed = Signal(float)
    read_failed = Signal(str)  # why part of the plane can't be shown
    outlines_asked = Signal()

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.claims_keys = False
        """Whether Enter, Backspace and Escape are for the tool in use, which has an outline open."""
        self._moves = True
        self._has_ring = False
        self._is_held = True
        self._brush_size = 24
        self._panning_from: QPoint | None = None
        self._panning_with = Qt.MouseButton.NoButton
        self._turned = 0.0  # steps of the wheel not yet acted upon
        self._space_held = False
        self._is_pressed = False
        self._pen_pressure = 1.0
        self._key_pointer = False
        self._pointer: QPointF | None = None
        self._mouse_at: QPointF | None = None  # in the viewport, while the mouse is over it
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
        self.horizontalScrollBar().valueChanged.connect(self._follow_view)
        self.verticalScrollBar().valueChanged.connect(self._follow_view)

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
        if self._pointer is not None:
            self._pointer = self._on_plane(self._pointer) if self._key_pointer else self._pointer
            self._move_ring(self._pointer)
        self._update_cursor()

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
        """What stays where it is: what the keyboard or the mouse points at; the middle where that is elsewhere."""
        if self._key_pointer and self._pointer is not None:
            return QPointF(self.mapFromScene(self._pointer))
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
        self._follow_view()
        self.zoom_changed.emit(zoom)

    def _scroll(self, right: int, down: int) -> None:
        self.horizontalScrollBar().setValue(self.horizontalScrollBar().value() + right)
        self.verticalScrollBar().setValue(self.verticalScrollBar().value() + down)

    def _follow_view(self) -> None:
        """The view moved: the mouse, where it stands still, points elsewhere now."""
        if self._mouse_at is not None and not self._key_pointer:
            self._pointer = self._scene_at(self._mouse_at)
            self._move_ring(self._pointer)

    # Tool and brush

    def set_tool_look(self, *, moves: bool, ring: bool, held: bool) -> None:
        """Whether the left button moves the slide, whether the brush's size is shown around the pointer, and whether
        the tool works between press and release."""
        self._moves, self._has_ring, self._is_held = moves, ring, held
        self._update_cursor()

    def set_brush_size(self, size: int) -> None:
        """The brush's diameter in pixels of the slide."""
        self._brush_size = size
        if self._pointer is not None:
            self._move_ring(self._pointer)

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
        at = self.mapFromScene(self._pointer) if self._pointer is not None else self.viewport().rect().center()
        self._note.show_text(text, at)

    @property
    def pointer(self) -> tuple[float, float] | None:
        """Where the mouse, the pen or the keyboard points, (y, x) in pixels of the plane; None if nowhere yet."""
        return (self._pointer.y(), self._pointer.x()) if self._pointer is not None else None

    def _move_ring(self, scene: QPointF) -> None:
        self._ring.place(scene, max(self._brush_size / 2, 0.5), self.zoom)
        self._mark.setPos(scene)

    def _update_cursor(self) -> None:
        paints = self._has_ring and not self._space_held and self._panning_from is None
        has_plane = not self.slide_layer.boundingRect().isEmpty()
        self._ring.setVisible(paints and has_plane and (self.underMouse() or self._key_pointer))
        self._mark.setVisible(self._key_pointer and has_plane)
        if self._panning_from is not None:
            shape = Qt.CursorShape.ClosedHandCursor
        elif self._moves or self._space_held:
            shape = Qt.CursorShape.OpenHandCursor
        else:
            shape = Qt.CursorShape.CrossCursor
        self.viewport().setCursor(shape)

    def _at(self, scene: QPointF, modifiers: Qt.KeyboardModifier) -> Pointer:
        return Pointer(
            scene.y(), scene.x(),
            shift=bool(modifiers & Qt.KeyboardModifier.ShiftModifier),
            alt=bool(modifiers & Qt.KeyboardModifier.AltModifier),
            pressure=self._pen_pressure, zoom=self.zoom,
        )  # fmt: skip

    # Mouse and pen

    def _scene_at(self, position: QPointF) -> QPointF:
        """The point of the plane at a position of the viewport, which for a pen or a fine screen is no whole pixel."""
        return self.viewportTransform().inverted()[0].map(position)

    def _take_mouse(self, event: QMouseEvent) -> QPointF:
        """Let the mouse, rather than the keyboard, point from now on; returns where, on the plane."""
        self._mouse_at = event.position()
        if self._key_pointer:
            self._key_pointer = False
            self._update_cursor()
        return self._scene_at(self._mouse_at)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._is_pressed or self._panning_from is not None:
            return  # a second button changes nothing in mid-stroke
        left = event.button() == Qt.MouseButton.LeftButton
        if event.button() == Qt.MouseButton.MiddleButton or (left and (self._space_held or self._moves)):
            self._panning_from, self._panning_with = event.position().toPoint(), event.button()
            self._update_cursor()
        elif left:
            self._press(self._take_mouse(event), event.modifiers())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.mousePressEvent(event)
        if self._is_pressed and event.button() == Qt.MouseButton.LeftButton:
            self.double_clicked.emit(self._at(self._scene_at(event.position()), event.modifiers()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._panning_from is not None:
            moved = event.position().toPoint() - self._panning_from
            self._panning_from = event.position().toPoint()
            self._mouse_at = event.position()
            self._scroll(-moved.x(), -moved.y())
            self._fitted = False
            return
        self._move_pointer(self._take_mouse(event), event.modifiers())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._panning_from is not None:
            if event.button() == self._panning_with:
                self._panning_from = None
            self._update_cursor()
        elif event.button() == Qt.MouseButton.LeftButton:
            self._release(event.modifiers())

    def tabletEvent(self, event: QTabletEvent) -> None:
        """A pen paints like the left button, as wide as it is pressed; its other buttons are left to the mouse."""
        scene = self._scene_at(event.position())
        if not self._is_pressed and (self._space_held or self._moves or self._panning_from is not None):
            event.ignore()
        elif event.type() == QEvent.Type.TabletPress and event.button() == Qt.MouseButton.LeftButton:
            self._pen_pressure = event.pressure()
            self._press(scene, event.modifiers())
            event.accept()
        elif event.type() == QEvent.Type.TabletMove:
            self._pen_pressure = event.pressure() if self._is_pressed else 1.0
            self._move_pointer(scene, event.modifiers())
            event.accept()
        elif event.type() == QEvent.Type.TabletRelease:
            self._pen_pressure = 1.0
            self._release(event.modifiers())
            event.accept()
        else:
            event.ignore()

    def _press(self, scene: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        if self._is_pressed or self.slide_layer.boundingRect().isEmpty():
            return
        self._is_pressed = True
        self._pointer = scene
        self.pressed.emit(self._at(scene, modifiers))

    def _move_pointer(self, scene: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        self._pointer = scene
        self._move_ring(scene)
        if self._has_ring and not self._ring.isVisible():
            self._update_cursor()
        self._note.follow(self.mapFromScene(scene))
        (self.dragged if self._is_pressed else self.hovered).emit(self._at(scene, modifiers))
        self.cursor_moved.emit(scene.y(), scene.x())

    def _release(self, modifiers: Qt.KeyboardModifier) -> None:
        if self._is_pressed and self._pointer is not None:
            self._is_pressed = False
            self.released.emit(self._at(self._pointer, modifiers))

    def let_go(self) -> None:
        """What is pressed no longer is: what it was for has ended."""
        self._is_pressed = False

    def wheelEvent(self, event: QWheelEvent) -> None:
        turned = event.angleDelta()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._turn(turned, self.brush_size_asked.emit)
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._turn(turned, lambda steps: self.plane_asked.emit(-steps))
        elif turned.y():
            self._zoom_at(event.position(), _ZOOM_STEP ** (turned.y() / _WHEEL_STEP))
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
            self._zoom_at(event.position(), 1 + event.value())
            return True
        return super().viewportEvent(event)

    def focusNextPrevChild(self, next: bool) -> bool:  # noqa: A002
        """Tab shows outlines here; Shift+Tab and F6 leave the canvas."""
        if next:
            self.outlines_asked.emit()
            return True
        return super().focusNextPrevChild(next)

    # Keyboard

    def press_or_release(self, modifiers: Qt.KeyboardModifier = _NO_MODIFIER) -> None:
        """Press the tool at the pointer, or let it go: the left button for the keyboard."""
        if self._is_pressed:
            self._release(modifiers)
        elif not self._moves:
            if self._pointer is None:
                self._step_pointer(0, 0, _NO_MODIFIER)
            assert self._pointer is not None
            self._press(self._pointer, modifiers)
            if not self._is_held:
                self._release(modifiers)

    def event(self, event: QEvent) -> bool:
        # While an outline is open its keys are not the window's shortcuts.
        claimed = self.claims_keys and isinstance(event, QKeyEvent) and event.key() in _OUTLINE_KEYS
        if claimed and event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._space_held = True
                self._update_cursor()
        elif event.key() in _ARROWS:
            self._step_pointer(*_ARROWS[Qt.Key(event.key())], event.modifiers())
        elif self.claims_keys and event.key() in _OUTLINE_KEYS:
            signals = {Qt.Key.Key_Backspace: self.step_back_asked, Qt.Key.Key_Escape: self.cancel_asked}
            signals.get(Qt.Key(event.key()), self.finish_asked).emit()
        else:
            self._take_modifiers(event)
            event.ignore()  # everything else is a shortcut of the window

    def _step_pointer(self, down: int, right: int, modifiers: Qt.KeyboardModifier) -> None:
        """Move the pointer by a pixel of the slide or of the window, whichever is more; with Shift ten times as far."""
        size = max(1.0, 1 / self.zoom) * (10 if modifiers & Qt.KeyboardModifier.ShiftModifier else 1)
        start = self._pointer if self._pointer is not None else self.mapToScene(self.viewport().rect().center())
        scene = self._on_plane(start + QPointF(right * size, down * size))
        self._key_pointer = True
        self._update_cursor()
        self._move_pointer(scene, _NO_MODIFIER)
        self.ensureVisible(QRectF(scene, scene), 40, 40)

    def _on_plane(self, scene: QPointF) -> QPointF:
        """The point of the plane that is nearest; its right and lower border belong to no pixel any more."""
        plane = self.slide_layer.boundingRect()
        return QPointF(
            min(max(scene.x(), 0.0), math.nextafter(plane.right(), 0.0)),
            min(max(scene.y(), 0.0), math.nextafter(plane.bottom(), 0.0)),
        )

    def _take_modifiers(self, event: QKeyEvent) -> None:
        """Shift and Alt change what the tool is about to do, also while the pointer stands still."""
        if event.key() in _MODIFIER_KEYS and self._pointer is not None and not self._is_pressed:
            self.hovered.emit(self._at(self._pointer, event.modifiers()))

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space_held = False
            self._update_cursor()
        else:
            self._take_modifiers(event)
            event.ignore()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._space_held = False
        self._update_cursor()
        super().focusOutEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._mouse_at = event.position()
        self._follow_view()
        self._update_cursor()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._mouse_at = None
        self._update_cursor()
        self.cursor_left.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._fitted:
            self.fit()

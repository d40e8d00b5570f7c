"""Pointing: what mouse, pen and keyboard do over the canvas, as intentions in (y, x) of the plane."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QEnterEvent, QKeyEvent, QMouseEvent, QTabletEvent

from unet_studio.gui.canvas.canvas import Canvas
from unet_studio.gui.tools.tool import Pointer

_ARROWS = {
    Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0), Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1)
}  # fmt: skip
_OUTLINE_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Backspace, Qt.Key.Key_Escape)
_MODIFIER_KEYS = (Qt.Key.Key_Shift, Qt.Key.Key_Alt)
_TAB_KEYS = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
_NO_MODIFIER = Qt.KeyboardModifier.NoModifier


class Pointing(QObject):
    """Follows the pointer over the canvas and tells what it does; a drag may also move the view.

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
    moved = Signal(float, float)  # y, x
    left = Signal()

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self.claims_keys = False
        """Whether Enter, Backspace and Escape are for the tool in use, which has an outline open."""
        self._canvas = canvas
        self._viewport = canvas.viewport()
        self._moves = True
        self._has_ring = False
        self._is_held = True
        self._panning_from: QPoint | None = None
        self._panning_with = Qt.MouseButton.NoButton
        self._space_held = False
        self._is_pressed = False
        self._pressed_with = Qt.MouseButton.NoButton  # of the mouse; the right one is as the left with Alt
        self._pen_pressure = 1.0
        self._by_keys = False
        self._mouse_at: QPointF | None = None  # in the viewport, while the mouse is over it

        # Each of these says whether the event ends here.
        self._taken: dict[QObject, dict[QEvent.Type, Callable[[Any], bool]]] = {
            self._viewport: {
                QEvent.Type.MouseButtonPress: self._press_button,
                QEvent.Type.MouseButtonDblClick: self._double_click,
                QEvent.Type.MouseMove: self._move_mouse,
                QEvent.Type.MouseButtonRelease: self._release_button,
                QEvent.Type.TabletPress: self._use_pen,
                QEvent.Type.TabletMove: self._use_pen,
                QEvent.Type.TabletRelease: self._use_pen,
                QEvent.Type.Enter: self._enter,
                QEvent.Type.Leave: self._leave,
            },
            canvas: {
                QEvent.Type.ShortcutOverride: self._claim_key,
                QEvent.Type.KeyPress: self._press_key,
                QEvent.Type.KeyRelease: self._release_key,
                QEvent.Type.FocusOut: self._lose_focus,
            },
        }
        for widget in self._taken:
            widget.installEventFilter(self)
        canvas.plane_shown.connect(self._take_plane)
        canvas.zoom_changed.connect(self._follow_view)
        canvas.horizontalScrollBar().valueChanged.connect(self._follow_view)
        canvas.verticalScrollBar().valueChanged.connect(self._follow_view)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # A widget that is being destroyed still has events, but is not known by its old name any more.
        take = self._taken.get(watched, {}).get(event.type())
        return take is not None and take(event)

    # The tool in use

    def set_tool_look(self, *, moves: bool, ring: bool, held: bool) -> None:
        """Whether the left button moves the slide, whether the brush's size is shown around the pointer, and whether
        the tool works between press and release."""
        self._moves, self._has_ring, self._is_held = moves, ring, held
        self._update_look()

    def let_go(self) -> None:
        """What is pressed no longer is: what it was for has ended."""
        self._is_pressed = False
        self._pressed_with = Qt.MouseButton.NoButton

    def _update_look(self) -> None:
        """A hand where the slide is about to move, else a cross, with the brush's ring where the tool has one."""
        if self._panning_from is not None:
            shape = Qt.CursorShape.ClosedHandCursor
        elif self._moves or self._space_held:
            shape = Qt.CursorShape.OpenHandCursor
        else:
            shape = Qt.CursorShape.CrossCursor
        self._viewport.setCursor(shape)
        is_seen = self._viewport.underMouse() or self._by_keys
        paints = self._has_ring and shape is Qt.CursorShape.CrossCursor
        self._canvas.show_pointer(ring=paints and is_seen, cross=self._by_keys)

    # Where the pointer is, whatever moves it

    def _told(self, scene: QPointF, modifiers: Qt.KeyboardModifier) -> Pointer:
        return Pointer(
            scene.y(), scene.x(),
            shift=bool(modifiers & Qt.KeyboardModifier.ShiftModifier),
            alt=bool(modifiers & Qt.KeyboardModifier.AltModifier) or self._pressed_with == Qt.MouseButton.RightButton,
            pressure=self._pen_pressure, zoom=self._canvas.zoom,
        )  # fmt: skip

    def _press(
        self, scene: QPointF, modifiers: Qt.KeyboardModifier, button: Qt.MouseButton = Qt.MouseButton.NoButton
    ) -> None:
        if self._is_pressed or self._canvas.slide_layer.boundingRect().isEmpty():
            return
        self._is_pressed, self._pressed_with = True, button
        self._canvas.point_at(scene)
        if button == Qt.MouseButton.RightButton:  # it changes what is about to be done
            self.hovered.emit(self._told(scene, modifiers))
        self.pressed.emit(self._told(scene, modifiers))

    def _move(self, scene: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        self._canvas.point_at(scene)
        (self.dragged if self._is_pressed else self.hovered).emit(self._told(scene, modifiers))
        self.moved.emit(scene.y(), scene.x())

    def _release(self, modifiers: Qt.KeyboardModifier) -> None:
        if self._is_pressed and self._canvas.pointed is not None:
            told = self._told(self._canvas.pointed, modifiers)
            self.let_go()
            self.released.emit(told)

    def _follow_view(self) -> None:
        """The view moved: the mouse, where it stands still, points elsewhere now."""
        if self._mouse_at is not None and not self._by_keys:
            self._canvas.point_at(self._canvas.scene_at(self._mouse_at))

    def _take_plane(self) -> None:
        """Another plane came up, perhaps a smaller one."""
        if self._by_keys and self._canvas.pointed is not None:
            self._canvas.point_at(self._canvas.nearest_on_plane(self._canvas.pointed))
        self._update_look()

    # Mouse

    def _take_mouse(self, event: QMouseEvent) -> QPointF:
        """Let the mouse, rather than the keyboard, point from now on; returns where, on the plane."""
        self._mouse_at = event.position()
        if self._by_keys:
            self._by_keys = False
            self._update_look()
        return self._canvas.scene_at(self._mouse_at)

    def _press_button(self, event: QMouseEvent) -> bool:
        if self._is_pressed or self._panning_from is not None:
            return True  # a second button changes nothing in mid-stroke
        left, moves = event.button() == Qt.MouseButton.LeftButton, self._space_held or self._moves
        if event.button() == Qt.MouseButton.MiddleButton or (left and moves):
            self._panning_from, self._panning_with = event.position().toPoint(), event.button()
            self._update_look()
        elif left or (event.button() == Qt.MouseButton.RightButton and not moves):
            self._press(self._take_mouse(event), event.modifiers(), event.button())
        return True

    def _double_click(self, event: QMouseEvent) -> bool:
        self._press_button(event)
        if self._is_pressed and event.button() == self._pressed_with:
            self.double_clicked.emit(self._told(self._canvas.scene_at(event.position()), event.modifiers()))
        return True

    def _move_mouse(self, event: QMouseEvent) -> bool:
        if self._panning_from is None:
            self._move(self._take_mouse(event), event.modifiers())
            return True
        moved = event.position().toPoint() - self._panning_from
        self._panning_from = event.position().toPoint()
        self._mouse_at = event.position()
        self._canvas.pan(-moved.x(), -moved.y())
        return True

    def _release_button(self, event: QMouseEvent) -> bool:
        if self._panning_from is not None:
            if event.button() == self._panning_with:
                self._panning_from = None
            self._update_look()
        elif event.button() == self._pressed_with:
            self._release(event.modifiers())
            self.hovered.emit(self._told(self._canvas.scene_at(event.position()), event.modifiers()))
        return True

    def _enter(self, event: QEnterEvent) -> bool:
        self._mouse_at = event.position()
        self._follow_view()
        self._update_look()
        return False

    def _leave(self, _event: QEvent) -> bool:
        self._mouse_at = None
        self._update_look()
        self.left.emit()
        return False

    # Pen

    def _use_pen(self, event: QTabletEvent) -> bool:
        """A pen paints like the left button, as wide as it is pressed; its other buttons are left to the mouse."""
        scene = self._canvas.scene_at(event.position())
        event.accept()
        if not self._is_pressed and (self._space_held or self._moves or self._panning_from is not None):
            event.ignore()
        elif event.type() == QEvent.Type.TabletPress and event.button() == Qt.MouseButton.LeftButton:
            self._pen_pressure = event.pressure()
            self._press(scene, event.modifiers())
        elif event.type() == QEvent.Type.TabletMove:
            self._pen_pressure = event.pressure() if self._is_pressed else 1.0
            self._move(scene, event.modifiers())
        elif event.type() == QEvent.Type.TabletRelease:
            self._pen_pressure = 1.0
            self._release(event.modifiers())
        else:
            event.ignore()
        return event.isAccepted()

    # Keyboard

    def press_or_release(self, modifiers: Qt.KeyboardModifier = _NO_MODIFIER) -> None:
        """Press the tool at the pointer, or let it go: the left button for the keyboard."""
        if self._is_pressed:
            self._release(modifiers)
        elif not self._moves:
            if self._canvas.pointed is None:
                self._step(0, 0, _NO_MODIFIER)
            assert self._canvas.pointed is not None
            self._press(self._canvas.pointed, modifiers)
            if not self._is_held:
                self._release(modifiers)

    def _claim_key(self, event: QKeyEvent) -> bool:
        """While an outline is open its keys are not the window's shortcuts."""
        if self.claims_keys and event.key() in _OUTLINE_KEYS:
            event.accept()
            return True
        return False

    def _press_key(self, event: QKeyEvent) -> bool:
        if event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._space_held = True
                self._update_look()
        elif event.key() in _ARROWS:
            self._step(*_ARROWS[Qt.Key(event.key())], event.modifiers())
        elif self.claims_keys and event.key() in _OUTLINE_KEYS:
            signals = {Qt.Key.Key_Backspace: self.step_back_asked, Qt.Key.Key_Escape: self.cancel_asked}
            signals.get(Qt.Key(event.key()), self.finish_asked).emit()
        else:
            self._take_modifiers(event)
            event.ignore()  # everything else is a shortcut of the window
        return event.key() not in _TAB_KEYS  # which mean something to the canvas

    def _step(self, down: int, right: int, modifiers: Qt.KeyboardModifier) -> None:
        """Move the pointer by a pixel of the slide or of the window, whichever is more; with Shift ten times as far."""
        canvas = self._canvas
        size = max(1.0, 1 / canvas.zoom) * (10 if modifiers & Qt.KeyboardModifier.ShiftModifier else 1)
        start = canvas.pointed if canvas.pointed is not None else canvas.mapToScene(self._viewport.rect().center())
        scene = canvas.nearest_on_plane(start + QPointF(right * size, down * size))
        self._by_keys = True
        self._update_look()
        self._move(scene, _NO_MODIFIER)
        canvas.ensureVisible(QRectF(scene, scene), 40, 40)

    def _take_modifiers(self, event: QKeyEvent) -> None:
        """Shift and Alt change what the tool is about to do, also while the pointer stands still."""
        if event.key() in _MODIFIER_KEYS and self._canvas.pointed is not None and not self._is_pressed:
            self.hovered.emit(self._told(self._canvas.pointed, event.modifiers()))

    def _release_key(self, event: QKeyEvent) -> bool:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space_held = False
            self._update_look()
        else:
            self._take_modifiers(event)
            event.ignore()
        return True

    def _lose_focus(self, _event: QEvent) -> bool:
        self._space_held = False
        self._update_look()
        return False

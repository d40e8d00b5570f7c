"""Mouse, pen and keyboard over the canvas: what their events mean for the pointer, and where they move the view."""

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt
from PySide6.QtGui import QEnterEvent, QKeyEvent, QMouseEvent, QTabletEvent
from PySide6.QtWidgets import QWidget

from unet_studio.gui.canvas.canvas import Canvas
from unet_studio.gui.canvas.pointer_events import PointerEvents

_ARROWS = {
    Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0), Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1)
}  # fmt: skip
_OUTLINE_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Backspace, Qt.Key.Key_Escape)
_MODIFIER_KEYS = (Qt.Key.Key_Shift, Qt.Key.Key_Alt)
_TAB_KEYS = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
_LEFT, _MIDDLE, _RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton


class _Device(QObject):
    """Takes some events of a widget; what takes one says whether it ends there."""

    def __init__(self, pointer: PointerEvents, canvas: Canvas, watched: QWidget) -> None:
        super().__init__(canvas)
        self._pointer = pointer
        self._canvas = canvas
        self._watched = watched
        self._taken = self._events()
        watched.installEventFilter(self)

    def _events(self) -> Mapping[QEvent.Type, Callable[[Any], bool]]:
        raise NotImplementedError

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # A widget that is being destroyed still has events, but is not known as what it was any more.
        take = self._taken.get(event.type()) if watched is self._watched else None
        return take is not None and take(event)


class Mouse(_Device):
    """Presses the pointer by the left or right button, and moves the slide by the middle one or while Space is held."""

    def __init__(self, pointer: PointerEvents, canvas: Canvas) -> None:
        super().__init__(pointer, canvas, canvas.viewport())
        self.at: QPointF | None = None
        """Where it is in the viewport, while it is over it."""
        self._panning_from: QPoint | None = None
        self._panning_with = Qt.MouseButton.NoButton
        canvas.zoom_changed.connect(self._follow_view)
        canvas.horizontalScrollBar().valueChanged.connect(self._follow_view)
        canvas.verticalScrollBar().valueChanged.connect(self._follow_view)

    @property
    def is_panning(self) -> bool:
        """Whether it moves the slide just now."""
        return self._panning_from is not None

    def _events(self) -> Mapping[QEvent.Type, Callable[[Any], bool]]:
        return {
            QEvent.Type.MouseButtonPress: self._press,
            QEvent.Type.MouseButtonDblClick: self._double_click,
            QEvent.Type.MouseMove: self._move,
            QEvent.Type.MouseButtonRelease: self._release,
            QEvent.Type.Enter: self._enter,
            QEvent.Type.Leave: self._leave,
        }

    def _point(self, event: QMouseEvent) -> QPointF:
        """Let the mouse, rather than the keyboard, point from now on; returns where, on the plane."""
        self.at = event.position()
        self._pointer.take_from_keys()
        return self._canvas.scene_at(self.at)

    def _press(self, event: QMouseEvent) -> bool:
        if self._pointer.is_pressed or self._panning_from is not None:
            return True  # a second button changes nothing in mid-stroke
        left, moves = event.button() == _LEFT, self._pointer.moves_slide
        if event.button() == _MIDDLE or (left and moves):
            self._panning_from, self._panning_with = event.position().toPoint(), event.button()
            self._pointer.set_panning(True)
        elif left or (event.button() == _RIGHT and not moves):
            self._pointer.press(self._point(event), event.modifiers(), button=event.button())
        return True

    def _double_click(self, event: QMouseEvent) -> bool:
        self._press(event)
        if self._pointer.is_pressed and event.button() == self._pointer.pressed_with:
            self._pointer.double_click(self._canvas.scene_at(event.position()), event.modifiers())
        return True

    def _move(self, event: QMouseEvent) -> bool:
        if self._panning_from is None:
            self._pointer.move(self._point(event), event.modifiers())
            return True
        moved = event.position().toPoint() - self._panning_from
        self._panning_from = event.position().toPoint()
        self.at = event.position()
        self._canvas.pan(-moved.x(), -moved.y())
        return True

    def _release(self, event: QMouseEvent) -> bool:
        if self._panning_from is not None:
            if event.button() == self._panning_with:
                self._panning_from = None
                self._pointer.set_panning(False)
        elif event.button() == self._pointer.pressed_with:
            self._pointer.release(event.modifiers())
            self._pointer.hover(self._canvas.scene_at(event.position()), event.modifiers())
        return True

    def _enter(self, event: QEnterEvent) -> bool:
        self.at = event.position()
        self._follow_view()
        self._pointer.update_look()
        return False

    def _leave(self, _event: QEvent) -> bool:
        self.at = None
        self._pointer.update_look()
        self._pointer.left.emit()
        return False

    def _follow_view(self) -> None:
        """The view moved: the mouse, where it stands still, points elsewhere now."""
        if self.at is not None and not self._pointer.is_moved_by_keys:
            self._canvas.point_at(self._canvas.scene_at(self.at))


class Pen(_Device):
    """Paints like the left button of the mouse, as wide as it is pressed; its other buttons are left to the mouse."""

    def __init__(self, pointer: PointerEvents, canvas: Canvas, mouse: Mouse) -> None:
        super().__init__(pointer, canvas, canvas.viewport())
        self._mouse = mouse

    def _events(self) -> Mapping[QEvent.Type, Callable[[Any], bool]]:
        return dict.fromkeys((QEvent.Type.TabletPress, QEvent.Type.TabletMove, QEvent.Type.TabletRelease), self._use)

    def _use(self, event: QTabletEvent) -> bool:
        scene = self._canvas.scene_at(event.position())
        event.accept()
        if not self._pointer.is_pressed and (self._pointer.moves_slide or self._mouse.is_panning):
            event.ignore()
        elif event.type() == QEvent.Type.TabletPress and event.button() == _LEFT:
            self._pointer.press(scene, event.modifiers(), pressure=event.pressure())
        elif event.type() == QEvent.Type.TabletMove:
            self._pointer.move(scene, event.modifiers(), pressure=event.pressure())
        elif event.type() == QEvent.Type.TabletRelease:
            self._pointer.release(event.modifiers())
        else:
            event.ignore()
        return event.isAccepted()


class Keyboard(_Device):
    """Moves the pointer by the arrows, holds the slide by Space, and ends an open outline by Enter or Escape."""

    def __init__(self, pointer: PointerEvents, canvas: Canvas) -> None:
        super().__init__(pointer, canvas, canvas)

    def _events(self) -> Mapping[QEvent.Type, Callable[[Any], bool]]:
        return {
            QEvent.Type.ShortcutOverride: self._claim,
            QEvent.Type.KeyPress: self._press,
            QEvent.Type.KeyRelease: self._release,
            QEvent.Type.FocusOut: self._lose_focus,
        }

    def _claim(self, event: QKeyEvent) -> bool:
        """While an outline is open its keys are not the window's shortcuts."""
        if self._pointer.claims_keys and event.key() in _OUTLINE_KEYS:
            event.accept()
            return True
        return False

    def _press(self, event: QKeyEvent) -> bool:
        pointer = self._pointer
        if event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                pointer.hold_space(True)
        elif event.key() in _ARROWS:
            far = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            pointer.step_by_keys(*_ARROWS[Qt.Key(event.key())], far=far)
        elif pointer.claims_keys and event.key() in _OUTLINE_KEYS:
            signals = {Qt.Key.Key_Backspace: pointer.step_back_asked, Qt.Key.Key_Escape: pointer.cancel_asked}
            signals.get(Qt.Key(event.key()), pointer.finish_asked).emit()
        else:
            self._take_modifiers(event)
            event.ignore()  # everything else is a shortcut of the window
        return event.key() not in _TAB_KEYS  # which mean something to the canvas

    def _release(self, event: QKeyEvent) -> bool:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._pointer.hold_space(False)
        else:
            self._take_modifiers(event)
            event.ignore()
        return True

    def _take_modifiers(self, event: QKeyEvent) -> None:
        """Shift and Alt change what the tool is about to do, also while the pointer stands still."""
        if event.key() in _MODIFIER_KEYS and self._canvas.pointed is not None and not self._pointer.is_pressed:
            self._pointer.hover(self._canvas.pointed, event.modifiers())

    def _lose_focus(self, _event: QEvent) -> bool:
        self._pointer.hold_space(False)
        return False

"""Touch: one finger on a touch screen is the mouse, two hold the slide, move it and zoom it."""

from PySide6.QtCore import QEvent, QLineF, QObject, QPointF, Qt
from PySide6.QtGui import QEventPoint, QMouseEvent, QTouchEvent
from PySide6.QtWidgets import QApplication

from unet_studio.gui.canvas.canvas import Canvas

_LEFT, _NONE = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton


class Touch(QObject):
    """Makes left clicks and drags of one finger on the canvas, and moves the view with two.

    A finger presses nothing before it moves or leaves: until then a second one may come down. After that a second one
    changes nothing, as a second button does, and neither does what is left of two.
    """

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._viewport = canvas.viewport()
        self._first = 0  # the number of the finger that came down first
        self._waits_at: QPointF | None = None  # where it did, while it presses nothing yet
        self._is_pressed = False
        self._held: QLineF | None = None  # from one finger to the other
        self._was_at = QPointF()  # where a finger last pressed
        self._left = 0  # when it did so no more, in ms
        self._viewport.setAttribute(Qt.WidgetAttribute.WA_AcceptTouchEvents)
        self._viewport.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(event, QTouchEvent):
            return False
        fingers = event.points()
        if event.type() == QEvent.Type.TouchBegin and self._viewport.childAt(fingers[0].position().toPoint()):
            event.ignore()  # of fingers on what lies over the canvas Qt makes a mouse
            return True
        if event.type() == QEvent.Type.TouchCancel:
            self._let_go(event)
        elif len(fingers) > 1 and not self._is_pressed:
            self._hold_slide(fingers[0], fingers[1])
        else:
            self._be_mouse(event)
        event.accept()
        return True

    def _hold_slide(self, one: QEventPoint, other: QEventPoint) -> None:
        """Keep below both fingers what they came down on."""
        self._waits_at = None
        line = QLineF(one.position(), other.position())
        if self._held is not None:
            before, now = self._held.center(), line.center()
            self._canvas.zoom_at(before, max(line.length(), 1.0) / max(self._held.length(), 1.0))
            self._canvas.pan(*(before.toPoint() - now.toPoint()).toTuple())
        is_over = QEventPoint.State.Released in (one.state(), other.state())
        self._held = None if is_over else line

    def _be_mouse(self, event: QTouchEvent) -> None:
        if event.type() == QEvent.Type.TouchBegin:
            self._first, self._waits_at = event.points()[0].id(), event.points()[0].position()
        finger = next((finger for finger in event.points() if finger.id() == self._first), None)
        if finger is None:
            return
        at, leaves = finger.position(), finger.state() == QEventPoint.State.Released
        if self._waits_at is not None and (leaves or not _is_near(self._waits_at, at)):
            self._press(event, self._waits_at)
        if self._is_pressed:
            self._was_at = at
            self._send(event, QEvent.Type.MouseMove, at)
            if leaves:
                self._let_go(event)

    def _press(self, event: QTouchEvent, at: QPointF) -> None:
        again = event.timestamp() - self._left < QApplication.doubleClickInterval() and _is_near(self._was_at, at)
        self._send(event, QEvent.Type.MouseButtonDblClick if again else QEvent.Type.MouseButtonPress, at)
        self._waits_at, self._is_pressed = None, True

    def _let_go(self, event: QTouchEvent) -> None:
        if self._is_pressed:
            self._send(event, QEvent.Type.MouseButtonRelease, self._was_at)
            self._left = event.timestamp()
        self._waits_at, self._is_pressed, self._held = None, False, None

    def _send(self, event: QTouchEvent, kind: QEvent.Type, at: QPointF) -> None:
        button = _NONE if kind == QEvent.Type.MouseMove else _LEFT
        buttons = _NONE if kind == QEvent.Type.MouseButtonRelease else _LEFT
        on_screen = self._viewport.mapToGlobal(at)
        QApplication.sendEvent(
            self._viewport, QMouseEvent(kind, at, on_screen, button, buttons, event.modifiers(), event.pointingDevice())
        )


def _is_near(one: QPointF, other: QPointF) -> bool:
    """Whether a finger that meant to stand still may have come from one position to the other."""
    return (one - other).manhattanLength() < QApplication.startDragDistance()

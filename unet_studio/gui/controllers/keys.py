"""Keys that are no shortcuts of an action: digits, the end of a key that is held, and the way from pane to pane."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QLineEdit, QPlainTextEdit, QTextEdit, QWidget

from unet_studio.gui.canvas.canvas import Canvas
from unet_studio.gui.controllers.overlay import Overlay
from unet_studio.gui.session.painting import Painting

_TYPED_IN = (QLineEdit, QAbstractSpinBox, QPlainTextEdit, QTextEdit)


class WindowKeys(QObject):
    """Space and digits are the canvas's where the pointer moves over it, wherever the focus is, unless it is where one
    types; and the mask comes back when its key is let go.

    With the focus on a button that was reached by Tab, Space presses that, until the pointer moves over the canvas.
    """

    def __init__(self, painting: Painting, overlay: Overlay, canvas: Canvas, window: QWidget) -> None:
        super().__init__(window)
        self._painting = painting
        self._overlay = overlay
        self._canvas = canvas
        self._viewport = canvas.viewport()  # kept: an event may come while the canvas is being deleted
        self._window = window
        self._pointer_came = False  # over the canvas, since the focus changed
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._on_focus)
        application.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._viewport:
            if event.type() == QEvent.Type.MouseMove:
                self._pointer_came = True
            elif event.type() == QEvent.Type.Leave:
                self._pointer_came = False
        elif isinstance(event, QKeyEvent) and self._window.isActiveWindow():
            if event.type() == QEvent.Type.KeyRelease and event.key() == Qt.Key.Key_H and not event.isAutoRepeat():
                self._overlay.show()
            elif event.type() == QEvent.Type.KeyPress and self._is_for_canvas(watched) and not event.modifiers():
                digit = event.key() - Qt.Key.Key_0
                if 1 <= digit <= 9:
                    self._painting.set_active_class(digit)
                    return True
                if event.key() == Qt.Key.Key_Space and watched is not self._canvas:
                    self._canvas.setFocus()  # it hears of the end of the key, too
                    return QApplication.sendEvent(self._canvas, event)
        return False

    def _is_for_canvas(self, watched: QObject) -> bool:
        if watched is self._canvas:
            return True
        return self._pointer_came and watched is QApplication.focusWidget() and not isinstance(watched, _TYPED_IN)

    def _on_focus(self, _before: QWidget | None, _now: QWidget | None) -> None:
        self._pointer_came = False


def focus_next_pane(panes: Sequence[QWidget], focused: QWidget | None) -> None:
    """Move the keyboard from the pane in which it is to the one after it, or from elsewhere to the second one."""
    current = next((i for i, pane in enumerate(panes) if _has_focus(pane, focused)), 0)
    panes[(current + 1) % len(panes)].setFocus(Qt.FocusReason.TabFocusReason)


def _has_focus(pane: QWidget, focused: QWidget | None) -> bool:
    return focused is not None and (pane is focused or pane.isAncestorOf(focused))

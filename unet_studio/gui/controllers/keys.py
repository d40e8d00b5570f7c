"""Keys that are no shortcuts of an action: digits, the end of a key that is held, and the way from pane to pane."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget

from unet_studio.gui.canvas.canvas import Canvas
from unet_studio.gui.controllers.overlay import Overlay
from unet_studio.gui.session.painting import Painting


class WindowKeys(QObject):
    """Digits on the canvas choose classes, and the mask comes back when its key is let go, wherever the focus is."""

    def __init__(self, painting: Painting, overlay: Overlay, canvas: Canvas, window: QWidget) -> None:
        super().__init__(window)
        self._painting = painting
        self._overlay = overlay
        self._canvas = canvas
        self._window = window
        QApplication.instance().installEventFilter(self)  # type: ignore[union-attr]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and self._window.isActiveWindow():
            if event.type() == QEvent.Type.KeyRelease and event.key() == Qt.Key.Key_H and not event.isAutoRepeat():
                self._overlay.show()
            elif event.type() == QEvent.Type.KeyPress and watched is self._canvas:
                digit = event.key() - Qt.Key.Key_0
                if 1 <= digit <= 9 and not event.modifiers():
                    self._painting.set_active_class(digit)
                    return True
        return False


def focus_next_pane(panes: Sequence[QWidget], focused: QWidget | None) -> None:
    """Move the keyboard from the pane in which it is to the one after it, or from elsewhere to the second one."""
    current = next((i for i, pane in enumerate(panes) if _has_focus(pane, focused)), 0)
    panes[(current + 1) % len(panes)].setFocus(Qt.FocusReason.TabFocusReason)


def _has_focus(pane: QWidget, focused: QWidget | None) -> bool:
    return focused is not None and (pane is focused or pane.isAncestorOf(focused))

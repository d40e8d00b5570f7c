"""A word beside the pointer, such as the brush's size while it changes."""

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtWidgets import QLabel, QWidget

_SHOWN_MS = 1200
_AWAY = 18  # window pixels right of and below the pointer


class CursorNote(QLabel):
    """Shows itself beside a point of its parent for a moment; the mouse goes through it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self.setObjectName("cursorNote")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SHOWN_MS)
        self._timer.timeout.connect(self.hide)
        self.hide()

    def show_text(self, text: str, at: QPoint) -> None:
        self.setText(text)
        self.adjustSize()
        self._place(at)
        self.show()
        self._timer.start()

    def follow(self, at: QPoint) -> None:
        """The pointer moved; what is shown stays beside it."""
        if self.isVisible():
            self._place(at)

    def _place(self, at: QPoint) -> None:
        room = self._over.rect().adjusted(0, 0, -self.width(), -self.height())
        self.move(min(max(at.x() + _AWAY, 0), room.right()), min(max(at.y() + _AWAY, 0), room.bottom()))

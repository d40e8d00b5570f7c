"""What a person looked at: the part in view once the view stands still for a moment."""

from PySide6.QtCore import QObject, QTimer, Signal

from unet_studio.gui.canvas.canvas import Canvas

_STILL_MS = 500
_CLOSE_ENOUGH = 0.99
"""Window pixels for each pixel of the slide: from farther away than one for one nobody can judge a border."""


class Looking(QObject):
    """Tells the part of the plane that was in view for half a second, close enough to be judged."""

    looked_at = Signal(object)  # Box

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._still = QTimer(self, singleShot=True, interval=_STILL_MS)
        self._still.timeout.connect(self._tell)
        canvas.zoom_changed.connect(self._moved)
        canvas.plane_shown.connect(self._moved)
        canvas.horizontalScrollBar().valueChanged.connect(self._moved)
        canvas.verticalScrollBar().valueChanged.connect(self._moved)

    def _moved(self) -> None:
        self._still.start()

    def _tell(self) -> None:
        box = self._canvas.box_in_view()
        if self._canvas.isVisible() and self._canvas.zoom >= _CLOSE_ENOUGH and not box.is_empty:
            self.looked_at.emit(box)

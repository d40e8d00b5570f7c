"""What two mask sources are compared with: a divider over the canvas, a second view beside it, and captions."""

from PySide6.QtCore import QEvent, QRect, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QApplication, QFrame, QGraphicsView, QLabel, QWidget

from unet_studio.gui.canvas.canvas import Canvas

_HANDLE_WIDTH = 15
_GRIP_HEIGHT = 32
_CAPTION_MARGIN = 8
_CAPTION_PADDING = 8
_SEAM = 2
_HALO = QColor(0, 0, 0, 190)


class Divider(QWidget):
    """A vertical line over the canvas that is dragged to the left and right."""

    moved = Signal(int)  # x in pixels of the viewport

    def __init__(self, viewport: QWidget) -> None:
        super().__init__(viewport)
        self._viewport = viewport
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setAccessibleName(self.tr("Divider between the two masks"))
        self.setToolTip(self.tr("Drag, or press Alt+Left and Alt+Right"))
        self.hide()

    def place(self, x: int) -> None:
        self.setGeometry(x - _HANDLE_WIDTH // 2, 0, _HANDLE_WIDTH, self._viewport.height())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the mouse: what lies below is not painted on."""

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.moved.emit(self.mapToParent(event.position().toPoint()).x())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """What was dragged is where it shall be."""

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        middle = _HANDLE_WIDTH // 2
        # White between dark lines is seen on any slide.
        painter.fillRect(middle - 2, 0, 5, self.height(), _HALO)
        painter.fillRect(middle - 1, 0, 3, self.height(), Qt.GlobalColor.white)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(_HALO, 1))
        painter.setBrush(Qt.GlobalColor.white)
        grip = QRect(1, (self.height() - _GRIP_HEIGHT) // 2, _HANDLE_WIDTH - 2, _GRIP_HEIGHT)
        painter.drawRoundedRect(grip, 6, 6)
        for x in (middle - 2, middle + 2):
            painter.drawLine(x, grip.center().y() - 5, x, grip.center().y() + 5)


class Caption(QLabel):
    """The name of a source over its side of the canvas; the mouse goes through it."""

    def __init__(self, viewport: QWidget) -> None:
        super().__init__(viewport)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAutoFillBackground(True)
        self.setContentsMargins(_CAPTION_PADDING, 3, _CAPTION_PADDING, 3)
        self._name = ""
        self.hide()

    def set_name(self, name: str) -> None:
        self._name = name

    def place(self, left: int, right: int, *, at_right: bool = False) -> None:
        """At the top of what is between x = `left` and `right`, as much of the name as there is room for."""
        room = right - left - 2 * _CAPTION_MARGIN - 2 * _CAPTION_PADDING
        text = self.fontMetrics().elidedText(self._name, Qt.TextElideMode.ElideRight, max(room, 0))
        if text != self.text():  # while the canvas scrolls only the place changes
            self.setText(text)
            self.adjustSize()
        self.move(right - _CAPTION_MARGIN - self.width() if at_right else left + _CAPTION_MARGIN, _CAPTION_MARGIN)


class SecondView(QGraphicsView):
    """Shows the canvas's scene at the same place and zoom; the mouse moves both, and paints on neither."""

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas.scene())
        self._canvas = canvas
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setViewportUpdateMode(canvas.viewportUpdateMode())
        self.setBackgroundBrush(canvas.backgroundBrush())
        self.setRenderHints(canvas.renderHints())
        self.setInteractive(False)
        self.setViewportMargins(_SEAM, 0, 0, 0)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.viewport().setCursor(Qt.CursorShape.OpenHandCursor)
        self.setAccessibleName(self.tr("Slide with the second mask"))
        self.hide()

    def follow(self) -> None:
        """Show what the canvas shows."""
        if not self.isVisible():
            return
        self.setTransform(self._canvas.transform())
        self.horizontalScrollBar().setValue(self._canvas.horizontalScrollBar().value())
        self.verticalScrollBar().setValue(self._canvas.verticalScrollBar().value())

    def viewportEvent(self, event: QEvent) -> bool:
        """Zoom and pan as on the canvas, of which each point is at the same place here; nothing else reaches it."""
        if event.type() in (QEvent.Type.Wheel, QEvent.Type.NativeGesture):
            return QApplication.sendEvent(self._canvas.viewport(), event)
        if isinstance(event, QMouseEvent):
            return self._pan(event)
        handled = super().viewportEvent(event)
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self.follow()
        return handled

    def _pan(self, event: QMouseEvent) -> bool:
        """Pass a drag on as one with the middle button, which moves the slide whatever the tool is."""
        panning = (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton)
        if event.button() in panning or (event.type() == QEvent.Type.MouseMove and event.buttons()):
            middle = Qt.MouseButton.MiddleButton
            button = middle if event.button() in panning else Qt.MouseButton.NoButton
            buttons = middle if event.type() != QEvent.Type.MouseButtonRelease else Qt.MouseButton.NoButton
            passed = QMouseEvent(
                event.type(), event.position(), event.globalPosition(), button, buttons, event.modifiers()
            )
            QApplication.sendEvent(self._canvas.viewport(), passed)
            self.viewport().setCursor(self._canvas.viewport().cursor() if buttons else Qt.CursorShape.OpenHandCursor)
        return True

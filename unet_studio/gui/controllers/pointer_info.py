"""What is at the pointer, and what is done there."""

from collections.abc import Callable

from PySide6.QtCore import QObject

from unet_studio.gui.canvas.canvas import Canvas
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.panels.message_bar import MessageBar
from unet_studio.gui.panels.status_line import StatusLine
from unet_studio.gui.session.inspection import Inspection
from unet_studio.gui.session.painting import Painting
from unet_studio.gui.session.session import Session


class PointerInfo(QObject):
    """Describes in the status line what is under the pointer, and does there what an action of the window asks for."""

    def __init__(
        self,
        session: Session,
        painting: Painting,
        inspection: Inspection,
        canvas: Canvas,
        status_line: StatusLine,
        messages: MessageBar,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._painting = painting
        self._inspection = inspection
        self._canvas = canvas
        self._status_line = status_line
        self._messages = messages

    def describe(self, y: float, x: float) -> None:
        """Describe a point of the plane."""
        self._status_line.set_position(self._inspection.describe_pixel(y, x, self._canvas.slide_layer.value_at))

    def update(self) -> None:
        """What is under the pointer changed, though it stands still."""
        if self._canvas.pointer is not None:
            self.describe(*self._canvas.pointer)

    def clear(self) -> None:
        """The pointer left the canvas."""
        self._status_line.set_position("")

    def act(self, act: Callable[[float, float], object]) -> None:
        """Do something where the mouse, the pen or the keyboard points on the canvas; says where that is nowhere."""
        if self._canvas.pointer is not None:
            act(*self._canvas.pointer)
        elif self._session.plane is not None:
            text = self.tr("Point at the slide first, with the mouse or with the arrow keys.")
            self._messages.show_notice(Notice(text, NoticeKind.WARNING))

    def step_brush(self, steps: int) -> None:
        """Make the brush larger or smaller, and say beside the pointer how large it is now."""
        self._painting.step_brush_size(steps)
        self._canvas.show_note(self._painting.brush_in_words())

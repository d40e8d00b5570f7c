"""Painting: brush, eraser and fill turn the canvas's intentions into edits."""

import math

from PySide6.QtCore import QObject, Signal

from unet_studio.core.classes import BACKGROUND, UNLABELLED
from unet_studio.core.painting import Stroke, fill_region
from unet_studio.gui.session import Session

_LARGEST_BRUSH = 1000


class Painting(QObject):
    """Owns the brush, the active class and the stroke under way."""

    brush_changed = Signal()
    stroke_began = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.brush_size = 24
        self.active_class = 1
        self._session = session
        self._class_before_swap = 1
        self._stroke: Stroke | None = None
        session.about_to_change.connect(self.end_stroke)
        session.workspace_opened.connect(lambda _: self.set_active_class(1))

    def begin_stroke(self, y: float, x: float, *, erase: bool, take_back: bool) -> None:
        """Start painting with the active class; `erase` paints background, `take_back` removes labels."""
        self.end_stroke()
        plane = self._session.plane
        if plane is None or not self._session.may_edit():
            return
        value = UNLABELLED if take_back else BACKGROUND if erase else self.active_class
        self._stroke = Stroke(plane.labels, plane.id, value=value, radius=self.brush_size / 2)
        self.extend_stroke(y, x)
        self.stroke_began.emit()

    @property
    def is_stroking(self) -> bool:
        return self._stroke is not None

    def extend_stroke(self, y: float, x: float) -> None:
        if self._stroke is not None:
            box = self._stroke.extend((y, x))
            if not box.is_empty:
                self._session.labels_changed.emit(box)

    def end_stroke(self) -> None:
        """End the stroke under way as one edit."""
        stroke, self._stroke = self._stroke, None
        workspace = self._session.workspace
        if stroke is None or workspace is None:
            return
        edit = stroke.finish(self._sentence(stroke), state=workspace.state(stroke.plane))
        if edit is not None:
            self._session.commit(edit, stroke.labels.shape)

    def fill(self, y: int, x: int) -> None:
        """Give the region of equal class around a pixel the active class."""
        plane, workspace = self._session.plane, self._session.workspace
        if plane is None or workspace is None or not self._session.may_edit():
            return
        name = self._session.class_name(self.active_class)
        sentence = self.tr("fill with {0} on {1}").format(name, plane.id.slide)
        state = workspace.state(plane.id)
        edit = fill_region(plane.view, plane.id, (y, x), self.active_class, sentence, state=state)
        if edit is not None:
            self._session.apply(edit)

    def set_brush_size(self, size: int) -> None:
        """The brush's diameter in pixels, 1…1000."""
        self.brush_size = min(max(1, size), _LARGEST_BRUSH)
        self.brush_changed.emit()

    def step_brush_size(self, steps: int) -> None:
        """Make the brush larger or smaller by about a fifth a step."""
        size = self.brush_size * 1.2**steps
        self.set_brush_size(math.ceil(size) if steps > 0 else math.floor(size))

    def set_active_class(self, index: int) -> None:
        workspace = self._session.workspace
        if workspace is not None and 0 <= index < len(workspace.classes):
            self.active_class = index
            self.brush_changed.emit()

    def swap_class(self) -> None:
        """Switch between background and the class painted before it."""
        if self.active_class == BACKGROUND:
            self.set_active_class(self._class_before_swap)
        else:
            self._class_before_swap = self.active_class
            self.set_active_class(BACKGROUND)

    def _sentence(self, stroke: Stroke) -> str:
        if stroke.value == UNLABELLED:
            return self.tr("take labels back on {0}").format(stroke.plane.slide)
        name = self._session.class_name(stroke.value)
        return self.tr("brush {0} on {1}").format(name, stroke.plane.slide)

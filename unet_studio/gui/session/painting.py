"""Painting: the brush and the class a person chose, and the edits that tools make with them."""

import math

from PySide6.QtCore import QObject, Signal

from unet_studio.core.classes import BACKGROUND, UNLABELLED, class_colour
from unet_studio.core.editing.regions import Region
from unet_studio.core.editing.repaint import Repaint, repaint_edit
from unet_studio.errors import StudioError
from unet_studio.gui.session.open_plane import OpenPlane
from unet_studio.gui.session.session import Session

_LARGEST_BRUSH = 1000


class Painting(QObject):
    """What tools paint with, and on which plane."""

    brush_changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.brush_size = 24
        self.active_class = 1
        self._last_foreground = 1
        self._keeps_um = False
        self._kept_um: float | None = None  # None until a slide says how large its pixels are
        session.plane_opened.connect(lambda _: self._keep_size_on_specimen())
        session.workspace_opened.connect(lambda _: self.set_active_class(1))

    # Edits

    def plane(self) -> OpenPlane | None:
        """The open plane, if it may be changed; a notice says why not where the project is read-only."""
        return self.session.plane if self.session.may_edit() else None

    def repaint(self, plane: OpenPlane, repaint: Repaint, sentence: str) -> None:
        """Change the labels of a plane that `plane()` gave as an operation wants it, as one edit.

        By now another one may be open.
        """
        workspace = self.session.workspace
        if workspace is None:
            return
        edit = repaint_edit(plane.labels, plane.id, repaint, sentence, state=workspace.state(plane.id))
        if edit is not None:
            self.session.perform(edit, plane.shape)

    def paint(self, plane: OpenPlane, region: Region, value: int, verb: str) -> None:
        """Give the pixels of a region of a plane a class, or `UNLABELLED`, as one edit."""
        self.repaint(plane, Repaint.with_class(region, value), self.sentence(verb, value, plane.id.slide))

    def sentence(self, verb: str, value: int, slide: str) -> str:
        """An edit in words, for the menu: 'brush nucleus on a.png'."""
        if value == UNLABELLED:
            return self.tr("take labels back on {0}").format(slide)
        return self.tr("{0} {1} on {2}").format(verb, self.session.class_name(value), slide)

    def tell(self, problem: StudioError) -> None:
        """Say why a tool could not do what was asked."""
        self.session.tell(problem)

    # Brush and class

    def set_brush_size(self, size: int) -> None:
        """The brush's diameter in pixels, 1…1000."""
        self.brush_size = min(max(1, size), _LARGEST_BRUSH)
        if self._keeps_um and self.pixel_size_um:
            self._kept_um = self.brush_size * self.pixel_size_um
        self.brush_changed.emit()

    def keep_um(self, *, on: bool) -> None:
        """Whether the brush stays as large in micrometres from slide to slide, rather than in pixels."""
        self._keeps_um, self._kept_um = on, None
        self.set_brush_size(self.brush_size)

    @property
    def um_shown(self) -> float | None:
        """Micrometres a pixel if sizes are to be shown in micrometres, else None."""
        return self.pixel_size_um if self._keeps_um else None

    def _keep_size_on_specimen(self) -> None:
        if not self._keeps_um or not self.pixel_size_um:
            self.brush_changed.emit()  # the size may be shown in another unit now
        elif self._kept_um is None:
            self.set_brush_size(self.brush_size)
        else:
            kept = self._kept_um
            self.set_brush_size(round(kept / self.pixel_size_um))
            self._kept_um = kept  # rounding to pixels doesn't creep

    def step_brush_size(self, steps: int) -> None:
        """Make the brush larger or smaller by about a fifth a step."""
        size = self.brush_size * 1.2**steps
        self.set_brush_size(math.ceil(size) if steps > 0 else math.floor(size))

    @property
    def pixel_size_um(self) -> float | None:
        """Micrometres a pixel of the open slide, where it says."""
        return self.session.plane.reader.info.pixel_size_um if self.session.plane else None

    def brush_in_words(self) -> str:
        """The brush's diameter in pixels, and in micrometres where the slide knows them."""
        size = self.tr("{0} px").format(self.brush_size)
        if self.pixel_size_um:
            size = self.tr("{0} · {1} µm").format(size, f"{self.brush_size * self.pixel_size_um:.3g}")
        return size

    def set_active_class(self, index: int) -> None:
        workspace = self.session.workspace
        if workspace is not None and 0 <= index < len(workspace.classes):
            self.active_class = index
            if index != BACKGROUND:
                self._last_foreground = index
            self.brush_changed.emit()

    def colour_of(self, index: int) -> tuple[int, int, int]:
        """A class's colour, (r, g, b)."""
        classes = self.session.workspace.classes if self.session.workspace else ()
        return next((c.colour for c in classes if c.index == index), class_colour(index))

    def swap_class(self) -> None:
        """Switch between background and the class painted before it."""
        self.set_active_class(self._last_foreground if self.active_class == BACKGROUND else BACKGROUND)

    def pick_class(self, y: float, x: float) -> None:
        """Take up the class of the mask at a pixel of the open plane; beside the plane nothing happens."""
        plane = self.session.plane
        pixel = (math.floor(y), math.floor(x))
        if plane is not None and plane.contains(pixel):
            self.set_active_class(plane.mask_at(pixel))

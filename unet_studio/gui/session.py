"""The one controller: it owns what is open, takes the panels' intentions, and tells what changed."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from unet_studio.core.classes import BACKGROUND, UNLABELLED, LabelClass
from unet_studio.core.clean_up import Step
from unet_studio.core.display import Contrast, auto_contrast
from unet_studio.core.exporting import keep_masks
from unet_studio.core.hold_out import extend_hold_out
from unet_studio.core.labels import Edit, LabelPlane, PlaneId, PlaneState
from unet_studio.core.masks import MaskView
from unet_studio.core.models import ModelCard, bundled_models, project_models
from unet_studio.core.painting import Stroke, flood_region, make_edit
from unet_studio.core.project import Project
from unet_studio.core.reading import SlideReader, open_slide
from unet_studio.core.tiles import Box
from unet_studio.core.workspace import Workspace
from unet_studio.errors import ProjectError, ProjectPlaceError, StudioError
from unet_studio.gui.background import Background
from unet_studio.gui.message_bar import Notice, NoticeKind

_SAMPLE_SIDE = 1024


@dataclass(frozen=True, slots=True)
class OpenPlane:
    """The plane on the canvas: its slide's reader, its labels, and how its mask comes about."""

    id: PlaneId
    reader: SlideReader
    contrast: Contrast
    labels: LabelPlane
    view: MaskView

    @property
    def shape(self) -> tuple[int, int]:
        return self.labels.shape


class Session(QObject):
    """What is open, and everything a person may do with it."""

    workspace_opened = Signal(object)  # Workspace
    workspace_closed = Signal()
    place_needed = Signal(Path, str)  # folder, why its project can't be kept beside it
    plane_opened = Signal(object)  # OpenPlane
    slide_failed = Signal(str, str)  # slide, why it can't be shown
    labels_changed = Signal(object)  # Box of the open plane
    mask_recipe_changed = Signal(object)  # MaskView of the open plane
    state_changed = Signal(str)  # slide
    states_reset = Signal()
    history_changed = Signal()
    classes_changed = Signal()
    models_changed = Signal()
    brush_changed = Signal()
    saving_changed = Signal(object)  # JournalState
    notice = Signal(object)  # Notice

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.workspace: Workspace | None = None
        self.plane: OpenPlane | None = None
        self.brush_size = 24
        self.active_class = 1
        self._class_before_swap = 1
        self._background = background
        self._wanted: PlaneId | None = None
        self._stroke: Stroke | None = None

    # Folder

    def open_folder(self, folder: Path, place: Path | None = None) -> bool:
        """Open a folder of slides in place of the one that is open; False if that failed (a notice says why)."""
        self.close_folder()
        try:
            workspace = Workspace.open(folder, place=place, notify=self.saving_changed.emit)
        except StudioError as error:
            self._tell_failure(folder, error)
            return False
        self.workspace = workspace
        self.active_class = 1
        self._choose_first_model(workspace)
        self.workspace_opened.emit(workspace)
        self.history_changed.emit()
        if workspace.read_only:
            self.notice.emit(Notice(workspace.read_only, NoticeKind.WARNING))
        self.open_plane(PlaneId(workspace.slides[0]))
        return True

    def close_folder(self) -> None:
        """Write what is pending and let the folder go."""
        self.end_stroke()
        if self.workspace is None:
            return
        self._background.forget()
        self._close_plane()
        if not self.workspace.close():
            self.notice.emit(
                Notice(self.tr("Some of the last strokes could not be written to the disk."), NoticeKind.ERROR)
            )
        self.workspace = None
        self.workspace_closed.emit()

    def _tell_failure(self, folder: Path, error: StudioError) -> None:
        if isinstance(error, ProjectPlaceError):
            self.place_needed.emit(folder, str(error))
        else:
            self.notice.emit(Notice(str(error), NoticeKind.ERROR))

    def _choose_first_model(self, workspace: Workspace) -> None:
        """A new project starts with the first starter model, so that there is something to press."""
        known = [card.id for card in self.models()]
        if workspace.active_model not in known and known and not workspace.read_only:
            self.use_model(known[0])

    # Planes

    def open_plane(self, plane: PlaneId) -> None:
        """Show a plane; its slide is read off this thread, and what was asked for last wins."""
        self.end_stroke()
        workspace = self.workspace
        if workspace is None:
            return
        self._wanted = plane
        if self.plane is not None and self.plane.id.slide == plane.slide:
            self._show(plane, self.plane.reader, self.plane.contrast)
            return

        def arrived(result: object) -> None:
            if self._wanted != plane or self.workspace is not workspace:
                if isinstance(result, tuple):
                    result[0].close()
            elif isinstance(result, tuple):
                self._show(plane, *result)
            else:
                self._close_plane()
                self.slide_failed.emit(plane.slide, str(result))

        self._background.run(lambda: _read_slide(workspace.folder / plane.slide, plane.plane), arrived)

    def go_to_plane(self, number: int) -> None:
        """Show another plane of the open slide; numbers outside the stack are ignored."""
        if self.plane is not None and 0 <= number < self.plane.reader.info.planes and number != self.plane.id.plane:
            self.open_plane(PlaneId(self.plane.id.slide, number))

    def step_plane(self, steps: int) -> None:
        if self.plane is not None:
            self.go_to_plane(self.plane.id.plane + steps)

    def describe_pixel(self, y: float, x: float, value_at: Callable[[int, int], NDArray[np.generic] | None]) -> str:
        """Position, raw value and class under the cursor, in words; empty off the slide."""
        plane, workspace = self.plane, self.workspace
        row, column = math.floor(y), math.floor(x)
        if plane is None or workspace is None or not (0 <= row < plane.shape[0] and 0 <= column < plane.shape[1]):
            return ""
        parts = [f"y {row}  x {column}"]
        if plane.reader.info.pixel_size_um:
            parts.append(
                f"{row * plane.reader.info.pixel_size_um:.1f}, {column * plane.reader.info.pixel_size_um:.1f} µm"
            )
        raw = value_at(row, column)
        if raw is not None:
            parts.append(self.tr("raw {0}").format(" ".join(f"{v:g}" for v in raw)))
        label = int(plane.labels.read(Box(row, column, row + 1, column + 1))[0, 0])
        if label != UNLABELLED:
            parts.append(self.tr("{0} (labelled)").format(self._class_name(label)))
        return " · ".join(parts)

    def _show(self, plane: PlaneId, reader: SlideReader, contrast: Contrast) -> None:
        assert self.workspace is not None
        shape = (reader.info.height, reader.info.width)
        try:
            labels = self.workspace.labels(plane, shape)
            view = self.workspace.mask(plane, labels)
        except StudioError as error:
            self._close_plane()
            self.slide_failed.emit(plane.slide, str(error))
            return
        if self.plane is not None and self.plane.reader is not reader:
            self._close_plane()
        self.plane = OpenPlane(plane, reader, contrast, labels, view)
        self.plane_opened.emit(self.plane)

    def _close_plane(self) -> None:
        if self.plane is not None:
            reader, self.plane = self.plane.reader, None
            # A tile may just be read from it; the reader's own lock makes the close wait, off this thread.
            self._background.run(reader.close, lambda _: None)

    # Strokes and other edits

    def begin_stroke(self, y: float, x: float, *, erase: bool, take_back: bool) -> None:
        """Start painting with the active class; `erase` paints background, `take_back` removes labels."""
        if not self._may_edit():
            return
        assert self.plane is not None
        self.end_stroke()
        value = UNLABELLED if take_back else BACKGROUND if erase else self.active_class
        self._stroke = Stroke(self.plane.labels, self.plane.id, value=value, radius=self.brush_size / 2)
        self.extend_stroke(y, x)

    def extend_stroke(self, y: float, x: float) -> None:
        if self._stroke is not None:
            box = self._stroke.extend((y, x))
            if not box.is_empty:
                self.labels_changed.emit(box)

    def end_stroke(self) -> None:
        """End the stroke under way as one edit; it is on its way to the disk when this returns."""
        stroke, self._stroke = self._stroke, None
        if stroke is None or self.workspace is None:
            return
        state = self.workspace.state(stroke.plane)
        sentence = self._stroke_sentence(stroke)
        edit = stroke.finish(sentence, state=state, state_after=_after_edit(state))
        if edit is not None:
            self.workspace.commit(edit, stroke.labels.shape)
            self._edited(edit)

    def fill(self, y: int, x: int) -> None:
        """Give the region of equal class around a pixel the active class."""
        if not self._may_edit():
            return
        assert self.plane is not None and self.workspace is not None
        box = Box.of_shape(self.plane.shape)
        if not (box.y0 <= y < box.y1 and box.x0 <= x < box.x1):
            return
        region = flood_region(self.plane.view.read(box), (y, x))
        before = self.plane.labels.read(box)
        after = np.where(region, np.uint8(self.active_class), before)
        state = self.workspace.state(self.plane.id)
        sentence = self.tr("fill with {0} on {1}").format(self._class_name(self.active_class), self.plane.id.slide)
        edit = make_edit(
            self.plane.id, box, before, after, sentence, state_before=state, state_after=_after_edit(state)
        )
        if edit is not None:
            self.workspace.apply(edit, self.plane.labels)
            self._edited(edit)

    def review(self) -> None:
        """Confirm the open plane as a whole; its mask becomes its labels."""
        self.end_stroke()
        if not self._may_edit():
            return
        assert self.plane is not None and self.workspace is not None
        plane, workspace = self.plane, self.workspace

        def arrived(cleaned: object) -> None:
            if self.workspace is not workspace:
                return
            if not isinstance(cleaned, np.ndarray):
                self.notice.emit(Notice(str(cleaned), NoticeKind.ERROR))
                return
            edit = workspace.review(plane.id, plane.labels, cleaned)
            if edit is not None:
                self._edited(edit)
            self._keep_mask(plane.id)

        self._background.run(lambda: plane.view.cleaned(Box.of_shape(plane.shape)), arrived)

    def undo(self) -> None:
        self._step_history(back=True)

    def redo(self) -> None:
        self._step_history(back=False)

    def _step_history(self, *, back: bool) -> None:
        self.end_stroke()
        if self.workspace is None or self.workspace.read_only:
            return
        edit = self.workspace.undo() if back else self.workspace.redo()
        if edit is None:
            return
        self._edited(edit)
        if self.plane is None or self.plane.id != edit.plane:
            self.open_plane(edit.plane)

    def _edited(self, edit: Edit) -> None:
        if self.plane is not None and self.plane.id == edit.plane and not edit.box.is_empty:
            self.labels_changed.emit(edit.box)
        self.state_changed.emit(edit.plane.slide)
        self.history_changed.emit()

    def _may_edit(self) -> bool:
        if self.plane is None or self.workspace is None:
            return False
        if self.workspace.read_only:
            self.notice.emit(Notice(self.workspace.read_only, NoticeKind.WARNING))
            return False
        return True

    def _stroke_sentence(self, stroke: Stroke) -> str:
        slide = stroke.plane.slide
        if stroke.value == UNLABELLED:
            return self.tr("take labels back on {0}").format(slide)
        return self.tr("brush {0} on {1}").format(self._class_name(stroke.value), slide)

    def _class_name(self, index: int) -> str:
        assert self.workspace is not None
        return next((c.name for c in self.workspace.classes if c.index == index), str(index))

    def _keep_mask(self, plane: PlaneId) -> None:
        """Write masks/… of a reviewed plane, once its labels are on the disk."""
        workspace = self.workspace
        assert workspace is not None

        def work() -> None:
            if workspace.journal.flush(60.0):
                with Project.open(workspace.folder, place=workspace.place) as project:
                    keep_masks(project, [plane])

        def arrived(problem: object) -> None:
            if isinstance(problem, Exception):
                self.notice.emit(Notice(str(problem), NoticeKind.WARNING))

        self._background.run(work, arrived)

    # Brush and classes

    def set_brush_size(self, size: int) -> None:
        """The brush's diameter in pixels, 1…1000."""
        self.brush_size = min(max(1, size), 1000)
        self.brush_changed.emit()

    def step_brush_size(self, steps: int) -> None:
        """Make the brush larger or smaller by about a fifth a step."""
        factor = 1.2**steps
        size = self.brush_size * factor
        self.set_brush_size(math.ceil(size) if steps > 0 else math.floor(size))

    def set_active_class(self, index: int) -> None:
        if self.workspace is not None and 0 <= index < len(self.workspace.classes):
            self.active_class = index
            self.brush_changed.emit()

    def swap_class(self) -> None:
        """Switch between background and the class painted before it."""
        if self.active_class == BACKGROUND:
            self.set_active_class(self._class_before_swap)
        else:
            self._class_before_swap = self.active_class
            self.set_active_class(BACKGROUND)

    def set_classes(self, classes: tuple[LabelClass, ...]) -> None:
        """Rename, recolour or add classes; an index keeps its meaning."""
        if self.workspace is not None and not self.workspace.read_only:
            self.workspace.set_classes(classes)
            self.classes_changed.emit()

    # Models, threshold and clean-up

    def models(self) -> list[ModelCard]:
        """Models that can be chosen: retrained ones, newest first, then the starter models."""
        if self.workspace is None:
            return bundled_models()
        return list(reversed(project_models(self.workspace.place))) + bundled_models()

    def model(self) -> ModelCard | None:
        """The active model's card."""
        active = self.workspace.active_model if self.workspace else ""
        return next((card for card in self.models() if card.id == active), None)

    def use_model(self, model: str) -> None:
        """Make a model the active one; a project without labels takes over its classes."""
        if self.workspace is None or self.workspace.read_only:
            return
        card = next((card for card in self.models() if card.id == model), None)
        if card is None:
            return
        if not self.workspace.states and [c.name for c in card.classes] != [c.name for c in self.workspace.classes]:
            self.workspace.set_classes(card.classes)
            self.classes_changed.emit()
        self.workspace.set_active_model(model)
        self.models_changed.emit()
        self.states_reset.emit()
        self.refresh_mask()

    def set_threshold(self, threshold: float, *, keep: bool = True) -> None:
        """Show masks at another threshold; `keep` also stores it (not while a slider is being dragged)."""
        if self.workspace is None:
            return
        if keep and not self.workspace.read_only:
            self.workspace.set_threshold(threshold)
        else:
            self.workspace.threshold = threshold
        self.refresh_mask()

    def set_steps(self, steps: tuple[Step, ...], *, keep: bool = True) -> None:
        """Show masks with another clean-up recipe; `keep` also stores it."""
        if self.workspace is None:
            return
        if keep and not self.workspace.read_only:
            self.workspace.set_steps(steps)
        else:
            self.workspace.steps = steps
        self.refresh_mask()

    def refresh_mask(self) -> None:
        """The proposal, threshold or clean-up of the open plane changed."""
        if self.plane is None or self.workspace is None:
            return
        try:
            view = self.workspace.mask(self.plane.id, self.plane.labels)
        except StudioError as error:
            self.notice.emit(Notice(str(error), NoticeKind.WARNING))
            return
        self.plane = OpenPlane(self.plane.id, self.plane.reader, self.plane.contrast, self.plane.labels, view)
        self.mask_recipe_changed.emit(view)

    def prepare_retraining(self, then: Callable[[], None]) -> None:
        """Have every stroke on the disk and the hold-out chosen, then call `then`."""
        self.end_stroke()
        workspace = self.workspace
        if workspace is None or workspace.read_only:
            return

        def work() -> None:
            if not workspace.journal.flush(30.0):
                raise ProjectError("The last strokes are not written yet; retrain again when they are saved.")
            with Project.open(workspace.folder, place=workspace.place) as project:
                project.add_hold_out(extend_hold_out(project.labelled_planes(), project.hold_out()))

        def arrived(problem: object) -> None:
            if isinstance(problem, Exception):
                self.notice.emit(Notice(str(problem), NoticeKind.WARNING))
            elif self.workspace is workspace:
                then()

        self._background.run(work, arrived)

    def take_proposal(self, plane: PlaneId, model: str) -> None:
        """A proposal arrived."""
        if self.workspace is None or self.workspace.active_model != model:
            return
        self.workspace.mark_proposed(plane)
        self.state_changed.emit(plane.slide)
        if self.plane is not None and self.plane.id == plane:
            self.refresh_mask()


def _read_slide(path: Path, plane: int) -> tuple[SlideReader, Contrast]:
    """Open a slide and find a contrast for it from a small version of the plane."""
    reader = open_slide(path)
    try:
        info = reader.info
        shrink = 1
        while max(info.height, info.width) // shrink > _SAMPLE_SIDE:
            shrink *= 2
        whole = Box(0, 0, -(-info.height // shrink), -(-info.width // shrink))
        return reader, auto_contrast(reader.read(min(plane, info.planes - 1), whole, shrink=shrink))
    except BaseException:
        reader.close()
        raise


def _after_edit(state: PlaneState) -> PlaneState:
    """A reviewed plane stays reviewed when it is touched up; any other becomes corrected."""
    return PlaneState.REVIEWED if state is PlaneState.REVIEWED else PlaneState.CORRECTED

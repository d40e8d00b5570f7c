"""The one controller: it owns what is open, takes the panels' intentions, and tells what changed."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread

from PySide6.QtCore import QObject, Signal

from unet_studio.core.classes import LabelClass
from unet_studio.core.cleaning.steps import Step
from unet_studio.core.figures.display import Display, auto_display, read_small
from unet_studio.core.labels.edits import Edit
from unet_studio.core.labels.plane import LabelPlane, PlaneId, PlaneState
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.models.cards import ModelCard, bundled_models, project_models, suited_starter
from unet_studio.core.project.journal import JournalState
from unet_studio.core.slides.opening import SlideReader, open_slide
from unet_studio.core.tiles import Box
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.errors import ModelError, ProjectError, ProjectPlaceError, StudioError
from unet_studio.gui.background import Background
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.session.read_ahead import ReadAhead


@dataclass(frozen=True, slots=True)
class OpenPlane:
    """The plane on the canvas: its slide's reader, its labels, and how its mask comes about."""

    id: PlaneId
    reader: SlideReader
    display: Display
    labels: LabelPlane
    view: MaskView

    @property
    def shape(self) -> tuple[int, int]:
        return self.labels.shape

    def contains(self, pixel: tuple[int, int]) -> bool:
        """Whether a pixel (y, x) is on the plane."""
        return 0 <= pixel[0] < self.shape[0] and 0 <= pixel[1] < self.shape[1]

    def mask_at(self, pixel: tuple[int, int]) -> int:
        """The class of the mask at a pixel (y, x) of the plane."""
        return int(self.view.read(Box(*pixel, pixel[0] + 1, pixel[1] + 1))[0, 0])


class Session(QObject):
    """What is open: its planes, the history of its edits, and how its masks come about."""

    workspace_opened = Signal(object)  # Workspace
    workspace_closed = Signal()
    place_needed = Signal(Path, str)  # folder, why its project can't be kept beside it
    plane_opened = Signal(object)  # OpenPlane
    slide_failed = Signal(str, str)  # slide, why it can't be shown
    display_changed = Signal(object)  # Display of the open plane
    labels_changed = Signal(object)  # Box of the open plane
    mask_recipe_changed = Signal(object)  # MaskView of the open plane
    recipe_changed = Signal(object)  # Workspace, whose clean-up or threshold an undo or redo changed
    reviews_changed = Signal(object)  # list of PlaneId, whose review an undo or redo took back or made again
    state_changed = Signal(str)  # slide
    states_reset = Signal()
    history_changed = Signal()
    classes_changed = Signal()
    models_changed = Signal()
    about_to_change = Signal()
    """Emitted before another plane or edit comes: a stroke under way must end now."""
    saving_changed = Signal(object)  # JournalState
    notice = Signal(object)  # Notice

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.workspace: Workspace | None = None
        self.plane: OpenPlane | None = None
        self._background = background
        self._ahead = ReadAhead(background, lambda path: _read_slide(path, 0), self)
        self._wanted: PlaneId | None = None
        self._displays: dict[str, Display] = {}
        self._unseen_slides = False  # whether the active model was chosen before any slide could be looked at

    # Folder

    def open_folder(self, folder: Path, place: Path | None = None) -> bool:
        """Open a folder of slides in place of the one that is open; False if that failed (a notice says why)."""
        self.close_folder()
        try:
            workspace = Workspace.open(folder, place=place, notify=self._tell_saving)
        except StudioError as error:
            self._tell_failure(folder, error)
            return False
        self.workspace = workspace
        self._choose_first_model(workspace)
        self.workspace_opened.emit(workspace)
        self.history_changed.emit()
        if workspace.read_only:
            self.notice.emit(Notice(workspace.read_only, NoticeKind.WARNING))
        self.open_plane(PlaneId(workspace.slides[0]))
        return True

    def close_folder(self) -> None:
        """Write what is pending and let the folder go."""
        self.about_to_change.emit()
        if self.workspace is None:
            return
        self._background.forget()
        self._ahead.forget()
        self._close_plane()
        if not self.workspace.close():
            self.notice.emit(
                Notice(self.tr("Some of the last strokes could not be written to the disk."), NoticeKind.ERROR)
            )
        self.workspace = None
        self._displays.clear()
        self._unseen_slides = False
        self.workspace_closed.emit()

    def _tell_saving(self, state: JournalState) -> None:
        """In the journal's thread, which goes on writing where the window was deleted before it was closed."""
        with suppress(RuntimeError):
            self.saving_changed.emit(state)

    def _tell_failure(self, folder: Path, error: StudioError) -> None:
        if isinstance(error, ProjectPlaceError):
            self.place_needed.emit(folder, str(error))
        else:
            self.notice.emit(Notice(str(error), NoticeKind.ERROR))

    def _choose_first_model(self, workspace: Workspace) -> None:
        """A new project starts with some model, so that there is something to press: its newest, or a starter model."""
        known = self.models()
        if workspace.active_model not in [card.id for card in known] and known and not workspace.read_only:
            self.use_model(known[0].id)
            self._unseen_slides = known[0].is_bundled

    def _suit_first_model(self, plane: PlaneId, reader: SlideReader) -> None:
        """Now that the first slide is there, use the starter model for its kind, unless someone has chosen by now."""

        def found(card: object) -> None:
            if self._unseen_slides and isinstance(card, ModelCard) and self.workspace is not None:
                self._unseen_slides = False
                if card.id != self.workspace.active_model:
                    self.use_model(card.id)

        self._background.run(lambda: suited_starter(read_small(reader, plane.plane)), found)

    # Planes

    def open_plane(self, plane: PlaneId) -> None:
        """Show a plane; its slide is read off this thread, and what was asked for last wins."""
        self.about_to_change.emit()
        workspace = self.workspace
        if workspace is None:
            return
        self._wanted = plane
        if self.plane is not None and self.plane.id.slide == plane.slide:
            self._show(plane, self.plane.reader, self.plane.display)
            return
        ready = self._ahead.take(workspace.folder / plane.slide)
        if ready is not None:
            self._show(plane, *ready)
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

        path = workspace.folder / plane.slide
        self._background.run(lambda: _read_slide(path, plane.plane), arrived, dropped=_close_read)

    def read_ahead(self, slides: Sequence[str]) -> None:
        """Have these slides read in the background, so that they are shown at once when they are opened."""
        if self.workspace is not None and self.plane is not None:
            self._ahead.want([self.workspace.folder / slide for slide in slides], like=self.plane.reader.info)

    def go_to_plane(self, number: int) -> None:
        """Show another plane of the open slide; numbers outside the stack are ignored."""
        if self.plane is not None and 0 <= number < self.plane.reader.info.planes and number != self.plane.id.plane:
            self.open_plane(PlaneId(self.plane.id.slide, number))

    def step_plane(self, steps: int) -> None:
        if self.plane is not None:
            self.go_to_plane(self.plane.id.plane + steps)

    def set_display(self, display: Display) -> None:
        """Show the open slide another way, now and whenever it is opened again while the folder is."""
        if self.plane is not None:
            self._displays[self.plane.id.slide] = display
            self.plane = replace(self.plane, display=display)
            self.display_changed.emit(display)

    def _show(self, plane: PlaneId, reader: SlideReader, display: Display) -> None:
        assert self.workspace is not None
        shape = (reader.info.height, reader.info.width)
        try:
            labels = self.workspace.labels(plane, shape)
            view = self.workspace.mask(plane, labels)
        except StudioError as error:
            self._close_plane()
            self._close(reader)
            self.slide_failed.emit(plane.slide, str(error))
            return
        if self.plane is not None and self.plane.reader is not reader:
            self._close_plane()
        kept = self._displays.get(plane.slide)
        if kept is not None and len(kept.channels) == reader.info.channels:
            display = kept
        self.plane = OpenPlane(plane, reader, display, labels, view)
        self.plane_opened.emit(self.plane)
        if self._unseen_slides:
            self._suit_first_model(plane, reader)

    def _close_plane(self) -> None:
        if self.plane is not None:
            reader, self.plane = self.plane.reader, None
            self._close(reader)

    def _close(self, reader: SlideReader) -> None:
        # A tile may just be read from it; the reader's own lock makes the close wait, off this thread.
        Thread(target=reader.close, name="close slide").start()

    # Edits

    def commit(self, edit: Edit, shape: tuple[int, int]) -> None:
        """Take an edit whose labels are already in place; it is on its way to the disk when this returns."""
        if self.workspace is not None:
            self.workspace.commit(edit, shape)
            self.tell_edit(edit)

    def apply(self, edit: Edit) -> None:
        """Change the labels of the open plane by an edit."""
        if self.workspace is not None and self.plane is not None:
            self.workspace.apply(edit, self.plane.labels)
            self.tell_edit(edit)

    def apply_to_all(self, edit: Edit, shape: tuple[int, int]) -> None:
        """Change the labels of several planes of one shape by an edit."""
        if self.workspace is not None:
            self.workspace.apply_to_all(edit, *(shape for _ in edit.planes))
            self.tell_edit(edit)

    def tell_edit(self, edit: Edit) -> None:
        """Tell what an edit changed that is in the history already."""
        change = edit.change_of(self.plane.id) if self.plane is not None else None
        if change is not None and not change.box.is_empty:
            self.labels_changed.emit(change.box)
        slides = {change.plane.slide for change in edit.planes}
        if len(slides) == 1:
            self.state_changed.emit(slides.pop())
        elif slides:
            self.states_reset.emit()
        self.history_changed.emit()

    def may_edit(self) -> bool:
        """Whether there is a plane that may be changed; says why not where the project is read-only."""
        if self.plane is None or self.workspace is None:
            return False
        if self.workspace.read_only:
            self.notice.emit(Notice(self.workspace.read_only, NoticeKind.WARNING))
            return False
        return True

    def undo(self) -> None:
        self._step_history(back=True)

    def redo(self) -> None:
        self._step_history(back=False)

    def _step_history(self, *, back: bool) -> None:
        self.about_to_change.emit()
        workspace = self.workspace
        if workspace is None or workspace.read_only:
            return
        try:
            edit = workspace.undo() if back else workspace.redo()
        except ProjectError as error:
            self.notice.emit(Notice(str(error), NoticeKind.ERROR))
            return
        if edit is None:
            return
        self.tell_edit(edit)
        if edit.recipe is not None:
            self.refresh_mask()
            self.recipe_changed.emit(workspace)
        if edit.planes and (self.plane is None or edit.change_of(self.plane.id) is None):
            self.open_plane(edit.planes[0].plane)
        is_reviewed = PlaneState.REVIEWED
        changed = [c.plane for c in edit.planes if (c.state_before is is_reviewed) != (c.state_after is is_reviewed)]
        if changed:
            self.reviews_changed.emit(changed)

    def class_name(self, index: int) -> str:
        classes = self.workspace.classes if self.workspace else ()
        return next((c.name for c in classes if c.index == index), str(index))

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
        self._unseen_slides = False
        if self.workspace is None or self.workspace.read_only:
            return
        card = next((card for card in self.models() if card.id == model), None)
        if card is None:
            return
        try:
            self.workspace.use_model(card)
        except ModelError as error:
            self.notice.emit(Notice(str(error), NoticeKind.WARNING))
            self.models_changed.emit()  # the list shows the model in use again
            return
        self.classes_changed.emit()
        self.models_changed.emit()
        self.states_reset.emit()
        self.refresh_mask()

    def set_threshold(self, threshold: float, *, keep: bool = True) -> None:
        """Show masks at another threshold; `keep` also stores it (not while a slider is being dragged)."""
        if self.workspace is None:
            return
        if keep and not self.workspace.read_only:
            self.workspace.set_threshold(threshold)
            self.history_changed.emit()
        else:
            self.workspace.threshold = threshold
        self.refresh_mask()

    def set_steps(self, steps: tuple[Step, ...], *, keep: bool = True) -> None:
        """Show masks with another clean-up recipe; `keep` also stores it."""
        if self.workspace is None:
            return
        if keep and not self.workspace.read_only:
            self.workspace.set_steps(steps)
            self.history_changed.emit()
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
        self.plane = replace(self.plane, view=view)
        self.mask_recipe_changed.emit(view)


def _close_read(read: object) -> None:
    if isinstance(read, tuple):
        read[0].close()


def _read_slide(path: Path, plane: int) -> tuple[SlideReader, Display]:
    """Open a slide and find a display for it from a small version of the plane."""
    reader = open_slide(path)
    try:
        sampled = min(plane, reader.info.planes - 1)
        return reader, auto_display(read_small(reader, sampled))
    except BaseException:
        reader.close()
        raise

"""The one controller: it owns what is open, takes the panels' intentions, and tells what changed."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal

from unet_studio.core.classes import LabelClass
from unet_studio.core.cleaning.steps import Step
from unet_studio.core.editing.accepting import AcceptedPlane
from unet_studio.core.figures.display import Display
from unet_studio.core.labels.edits import Edit, MaskRecipe
from unet_studio.core.labels.plane import LabelPlane, PlaneId
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.proposals import Proposal
from unet_studio.core.scoring.judgement import TooClose
from unet_studio.core.slides.finding import LeftOut
from unet_studio.core.tiles import Box
from unet_studio.core.workspace.accepting import accept
from unet_studio.core.workspace.change import Change
from unet_studio.core.workspace.unsaved import UnsavedState
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.errors import ModelError, ProjectPlaceError, StudioError
from unet_studio.gui.background import Background
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.session.changes import NOWHERE, Changes
from unet_studio.gui.session.leaving import Leave, wait_for
from unet_studio.gui.session.models import Models
from unet_studio.gui.session.open_plane import OpenPlane
from unet_studio.gui.session.plane_reading import PlaneReading

_PATIENCE = 1.0
"""Seconds that closing a folder waits for what is not saved before it asks."""
_MORE_PATIENCE = 10.0
"""Seconds until it asks again, where the answer was to wait."""

_log = logging.getLogger(__name__)


class _Bell(QObject):
    """Tells of what is not saved from the threads that save; it lives as long as they do, also without a window."""

    rung = Signal()


class Session(QObject):
    """What is open: its planes, the history of its edits, and how its masks come about.

    Every change of labels goes in by `perform`, `accept`, `undo` or `redo`, and comes out as `changed`. `finish_tool`
    ends what the tool in hand has begun, as an edit of its own; it is called before anything else changes or opens.
    `ask_to_leave` is asked what to do where a folder shall be closed and not all of it can be saved.

    It has more methods than a class should: most are a few lines, one for each thing that a person can ask for, and
    they are together so that all of them end the tool in hand first and tell what changed alike.
    """

    workspace_opened = Signal(object)  # Workspace
    workspace_closed = Signal()
    place_needed = Signal(Path, str)  # folder, why its project can't be kept beside it
    plane_opened = Signal(object)  # OpenPlane
    slide_failed = Signal(str, str)  # slide, why it can't be shown
    display_changed = Signal(object)  # Display of the open plane
    changed = Signal(object)  # Changes
    saving_changed = Signal(object)  # UnsavedState
    notice = Signal(object)  # Notice

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.workspace: Workspace | None = None
        self.finish_tool: Callable[[], None] = lambda: None
        self.ask_to_leave: Callable[[UnsavedState], Leave] = lambda _: Leave.WAIT
        self._reading = PlaneReading(background, self)
        self._reading.read.connect(self._show)
        self._reading.failed.connect(self._on_unreadable)
        self._displays: dict[str, Display] = {}
        self.models = Models(background, self._on_model, lambda: self.changed.emit(Changes(models=True)))
        background.failed.connect(self.tell)

    def tell(self, error: StudioError) -> None:
        """Say what went wrong."""
        self.warn(str(error))

    def warn(self, text: str) -> None:
        """Say why something can't be done, or what to mind."""
        self.notice.emit(Notice(text, NoticeKind.WARNING))

    # Folder

    def open_folder(self, folder: Path, place: Path | None = None) -> bool:
        """Open a folder of slides in place of the one that is open; False if that failed (a notice says why)."""
        if not self.close_folder():
            return False
        bell = _Bell()
        bell.rung.connect(self._tell_saving, Qt.ConnectionType.QueuedConnection)
        try:
            workspace = Workspace.open(folder, place=place, notify=lambda: bell.rung.emit())
        except ProjectPlaceError as error:
            self.place_needed.emit(folder, str(error))
            return False
        except StudioError as error:
            self.notice.emit(Notice(str(error), NoticeKind.ERROR))
            return False
        self.workspace = workspace
        _log.info("Opened '%s', %d slides, project in '%s'", folder, len(workspace.slides), workspace.place)
        self.models.open(workspace)
        self.workspace_opened.emit(workspace)
        self.changed.emit(Changes(history=True))
        if workspace.recovered:
            self.warn(workspace.recovered)
        if workspace.left_out:
            self._tell_left_out(workspace.left_out)
        if workspace.read_only:  # last, so that it is seen first
            self.warn(workspace.read_only)
        self.open_plane(PlaneId(workspace.slides[0]))
        return True

    def _tell_left_out(self, left_out: Sequence[LeftOut]) -> None:
        text = self.tr("%n file(s) of the folder can't be used and are left out.", "", len(left_out))
        details = tuple(f"{one.path}: {one.reason}." for one in left_out)
        self.notice.emit(Notice(text, NoticeKind.WARNING, details=details))

    def may_leave(self) -> bool:
        """Have all that is not saved written, or ask what to do about it; False where a person wants to stay.

        Events of the window go on meanwhile, but for keys and mouse.
        """
        self.finish_tool()
        patience = _PATIENCE
        while self.workspace is not None:
            wait_for(self.workspace.unsaved, self.saving_changed, patience)
            left = self.workspace.unsaved.state()
            if left.count == 0:
                break
            answer = self.ask_to_leave(left)
            if answer is not Leave.WAIT:
                return answer is Leave.DISCARD
            patience = _MORE_PATIENCE
        return True

    def close_folder(self, *, discard: bool = False) -> bool:
        """Let the folder go; False where a person wants to stay. `discard` gives up unasked what is not saved."""
        if not discard and not self.may_leave():
            return False
        workspace, self.workspace = self.workspace, None
        if workspace is None:
            return True
        self._reading.forget()
        workspace.close(0.0)
        self._displays.clear()
        self.models.close()
        self.workspace_closed.emit()
        return True

    def _tell_saving(self) -> None:
        if self.workspace is not None:
            self.saving_changed.emit(self.workspace.unsaved.state())

    # Planes

    @property
    def plane(self) -> OpenPlane | None:
        """The plane that is shown."""
        return self._reading.shown

    def open_plane(self, plane: PlaneId) -> None:
        """Show a plane; all of it is read off this thread, and what was asked for last wins."""
        self.finish_tool()
        if self.workspace is not None:
            self._reading.want(self.workspace, plane)

    def read_ahead(self, slides: Sequence[str]) -> None:
        """Have these slides read in the background, so that they are shown at once when they are opened."""
        if self.workspace is not None:
            self._reading.want_next(self.workspace, slides)

    def step_plane(self, steps: int) -> None:
        """Show the plane of the open slide so many further."""
        if self.plane is not None:
            self.go_to_plane(self.plane.id.plane + steps)

    def go_to_plane(self, number: int) -> None:
        """Show another plane of the open slide; numbers outside the stack are ignored."""
        if self.plane is not None and 0 <= number < self.plane.reader.info.planes and number != self.plane.id.plane:
            self.open_plane(PlaneId(self.plane.id.slide, number))

    def set_display(self, display: Display) -> None:
        """Show the open slide another way, now and whenever it is opened again while the folder is."""
        if self.plane is not None:
            self._displays[self.plane.id.slide] = display
            self._reading.show(replace(self.plane, display=display))
            self.display_changed.emit(display)

    def _show(self, read: OpenPlane) -> None:
        workspace = self.workspace
        assert workspace is not None
        labels = workspace.planes.keep(read.id, read.labels)
        view = replace(read.view, labels=labels, threshold=workspace.threshold, steps=workspace.steps)
        kept = self._displays.get(read.id.slide)
        display = kept if kept is not None and len(kept.channels) == read.reader.info.channels else read.display
        plane = replace(read, labels=labels, view=view, display=display)
        self._reading.show(plane)
        self.plane_opened.emit(plane)
        if not view.is_whole:
            self.warn(view.problem)
        self.models.suit(plane)

    def _on_unreadable(self, slide: str, reason: str) -> None:
        self._reading.show(None)
        self.slide_failed.emit(slide, reason)

    # Edits

    def perform(
        self,
        edit: Edit,
        *shapes: tuple[int, int],
        made: LabelPlane | None = None,
        made_on: Mapping[PlaneId, Proposal | None] | None = None,
    ) -> None:
        """Make an edit of planes of these shapes (h, w), as `Workspace.perform` does: the one way to change labels.

        What the tool in hand has begun ends first, so an edit must have been worked out after `finish_tool`. Of the
        open plane it was made on what is shown, unless `made_on` says otherwise.
        """
        self.finish_tool()
        if self.workspace is not None:
            shown = {self.plane.id: self.plane.view.proposal} if self.plane is not None else {}
            made_on = {**shown, **(made_on or {})}
            self._tell_change(self.workspace.perform(edit, *shapes, made=made, made_on=made_on))

    def accept(self, accepted: Iterable[AcceptedPlane]) -> None:
        """Make labels of proposals that were accepted, as one edit, but for planes that a person labelled meanwhile."""
        self.finish_tool()
        change = accept(self.workspace, accepted) if self.workspace is not None else None
        if change is not None:
            self._tell_change(change)

    def undo(self) -> None:
        self._step_history(Workspace.undo)

    def redo(self) -> None:
        self._step_history(Workspace.redo)

    def show_stroke(self, box: Box) -> None:
        """A stroke under way painted inside `box` of the open plane, or was given up there."""
        self.changed.emit(Changes(box=box))

    def may_edit(self) -> bool:
        """Whether there is a plane that may be changed; says why not where the project is read-only."""
        if self.plane is None or self.workspace is None:
            return False
        if self.workspace.read_only:
            self.warn(self.workspace.read_only)
            return False
        return True

    def _step_history(self, step: Callable[[Workspace], Change | None]) -> None:
        self.finish_tool()
        if self.workspace is None or self.workspace.read_only:
            return
        try:
            change = step(self.workspace)
        except StudioError as error:
            self.notice.emit(Notice(str(error), NoticeKind.ERROR))
            return
        if change is not None:
            self._tell_change(change)
            if change.planes and (self.plane is None or self.plane.id not in change.planes):
                self.open_plane(change.planes[0])

    def _tell_change(self, change: Change) -> None:
        if change.changes_recipe:
            self._renew_mask()
        is_other = self._renew_under(change)
        plane = self.plane
        self.changed.emit(
            Changes(
                box=change.box_on(plane.id) if plane is not None else NOWHERE,
                mask=self._mask if change.changes_recipe or is_other else None,
                slides=change.slides,
                recipe=change.changes_recipe,
                history=True,
                reviewed=change.reviewed,
            )
        )

    def _renew_under(self, change: Change) -> bool:
        """Look what lies under the labels of the open plane, which an edit may have changed; whether it is another."""
        made = change.edit.change_of(self.plane.id) if self.plane is not None else None
        if self.plane is None or made is None or (made.proposal is None and made.state_before is made.state_after):
            return False
        before = self.plane.view.proposal
        self._find_proposal()
        after = self.plane.view.proposal
        return (before.id if before else None) != (after.id if after else None)

    # What holds for the whole folder

    def class_name(self, index: int) -> str:
        classes = self.workspace.classes if self.workspace else ()
        return next((c.name for c in classes if c.index == index), str(index))

    def set_classes(self, classes: tuple[LabelClass, ...]) -> None:
        """Rename, recolour or add classes; an index keeps its meaning."""
        if self.workspace is not None and not self.workspace.read_only:
            self.workspace.set_classes(classes)
            self.changed.emit(Changes(classes=True))

    def change_hold_out(self, slides: Iterable[str], *, held: bool) -> None:
        """Keep these slides out of training, or have them learned from."""
        if self.workspace is not None and not self.workspace.read_only:
            self.workspace.judging.change_hold_out(slides, held=held)
            self.changed.emit(Changes(hold_out=True))

    def take_hold_out(self, held: frozenset[str], learned: frozenset[str]) -> None:
        """A training had the hold-out drawn or added to, and learns from what is `learned`."""
        if self.workspace is not None:
            self.workspace.judging.hold_out, self.workspace.judging.learned = held, learned
            self.changed.emit(Changes(hold_out=True))

    def set_threshold(self, threshold: float, *, keep: bool = True) -> None:
        """Show masks at another threshold; `keep` also stores it (not while a slider is being dragged)."""
        if self.workspace is None:
            return
        if keep and not self.workspace.read_only:
            self.workspace.set_threshold(threshold)
        else:
            self.workspace.threshold = threshold
        self._renew_mask()
        self.changed.emit(Changes(mask=self._mask, history=keep))

    def set_steps(self, steps: tuple[Step, ...], *, keep: bool = True) -> None:
        """Show masks with another clean-up recipe; `keep` also stores it."""
        if self.workspace is None:
            return
        if keep and not self.workspace.read_only:
            self.workspace.set_steps(steps)
        else:
            self.workspace.steps = steps
        self._renew_mask()
        self.changed.emit(Changes(mask=self._mask, history=keep))

    def set_too_close(self, rule: TooClose) -> None:
        """Choose what becomes of a new model where the hold-out can't tell whether it is better."""
        if self.workspace is not None and not self.workspace.read_only:
            self.workspace.judging.set_too_close(rule)

    def set_recipe(self, recipe: MaskRecipe, sentence: str) -> None:
        """Take another threshold and clean-up, as one edit."""
        if self.workspace is not None and self.may_edit():
            change = self.workspace.set_recipe(recipe, sentence)
            if change is not None:
                self._tell_change(change)

    def _on_model(self, error: ModelError | None) -> None:
        """Another model is in use; or it can't be, and the list has to show again which one is."""
        if error is not None:
            self.tell(error)
            self.changed.emit(Changes(models=True))
        else:
            self._find_proposal()
            self.changed.emit(Changes(mask=self._mask, all_slides=True, classes=True, models=True))

    # Proposals

    def take_proposal(self, plane: PlaneId, model: str, *, partial: bool = False) -> None:
        """A proposal is there, or more of it than before while the rest is on its way; it is shown as it comes.

        One of another model is only stored.
        """
        workspace = self.workspace
        if workspace is None or workspace.active_model != model:
            return
        if partial:
            workspace.part = plane
        else:
            workspace.mark_proposed(plane)
        self._show_proposal(plane, Changes(slides=frozenset() if partial else frozenset({plane.slide})))

    def forget_part(self) -> None:
        """No rest will come: the mask is again what it was before the part."""
        workspace = self.workspace
        if workspace is not None and workspace.part is not None:
            plane, workspace.part = workspace.part, None
            self._show_proposal(plane, Changes())

    def _show_proposal(self, plane: PlaneId, changes: Changes) -> None:
        if self.plane is not None and self.plane.id == plane:
            self._find_proposal()
            changes = replace(changes, mask=self._mask)
        self.changed.emit(changes)

    def _find_proposal(self) -> None:
        """Look for the proposal of the open plane again."""
        if self.plane is None or self.workspace is None:
            return
        try:
            view = self.workspace.mask(self.plane.id, self.plane.labels)
            newer = self.workspace.find_newer(self.plane.id)
        except StudioError as error:
            self.tell(error)
        else:
            self._reading.show(replace(self.plane, view=view, newer=newer))

    def _renew_mask(self) -> None:
        """Clean-up or threshold may be others."""
        if self.plane is not None and self.workspace is not None:
            workspace, view = self.workspace, self.plane.view
            view = replace(view, threshold=workspace.threshold, steps=workspace.steps)
            self._reading.show(replace(self.plane, view=view))

    @property
    def _mask(self) -> MaskView | None:
        return self.plane.view if self.plane is not None else None

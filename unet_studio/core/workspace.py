"""An open folder: its slides, its project, and the history of edits, as the window works with them."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import LabelClass
from unet_studio.core.clean_up import Step
from unet_studio.core.in_use import writing
from unet_studio.core.journal import Journal, JournalState, Operation
from unet_studio.core.labels import Edit, LabelPlane, PlaneId, PlaneState
from unet_studio.core.masks import MaskView, lay_over
from unet_studio.core.model_choice import use_model
from unet_studio.core.models import ModelCard
from unet_studio.core.painting import make_edit
from unet_studio.core.project import Project, StoredEdit
from unet_studio.core.proposals import Proposal, find_proposal, proposed_planes, slide_stamp
from unet_studio.core.slides import find_slides
from unet_studio.core.tiles import Box
from unet_studio.errors import ProjectInUseError, SlideError

_KEPT_PLANES = 8
_KEPT_BYTES = 256 << 20
"""Of edits in memory; older ones come back from the project."""


class Workspace:
    """What is open. Reading is done here and now; every write goes through the journal, in order.

    `read_only` says why nothing can be changed, or is empty.
    """

    def __init__(
        self, project: Project, slides: tuple[str, ...], read_only: str, notify: Callable[[JournalState], None]
    ) -> None:
        self.slides = slides
        self.read_only = read_only
        self.folder = project.folder
        self.place = project.place
        self.classes = project.classes()
        self.steps = project.steps()
        self.threshold = project.threshold
        self.active_model = project.active_model
        self.states = project.states()
        self.proposed = proposed_planes(self.place, self.active_model)
        self._project = project
        self._held = ExitStack()
        self._planes: dict[PlaneId, LabelPlane] = {}
        stored = project.history()
        self._done = [entry for entry in stored if not entry.undone]
        self._undone = [entry for entry in reversed(stored) if entry.undone]
        self._next_id = project.next_edit_id()
        self._forgot_edits = True  # what is there from earlier days may be more than was read now
        self.journal = Journal(lambda: Project.open(self.folder, place=self.place), notify)

    @classmethod
    def open(
        cls, folder: Path, *, place: Path | None = None, notify: Callable[[JournalState], None] = lambda _: None
    ) -> Self:
        """Open a folder of slides; read-only where another window holds its project.

        Raises `SlideError` for a folder without slides and `ProjectError` where its project can't be kept.
        """
        slides = find_slides(folder)
        with ExitStack() as held:
            project = held.enter_context(Project.open(folder, place=place))
            read_only = ""
            try:
                held.enter_context(writing(project.place))
            except ProjectInUseError as error:
                read_only = str(error)
            workspace = cls(project, slides, read_only, notify)
            workspace._held = held.pop_all()
        return workspace

    def close(self) -> bool:
        """Write what is pending and let the project go; False if something could not be written."""
        written = self.journal.close()
        self._held.close()
        return written

    # Planes

    def state(self, plane: PlaneId) -> PlaneState:
        if plane in self.states:
            return self.states[plane]
        return PlaneState.PROPOSED if plane in self.proposed else PlaneState.NEW

    def states_by_slide(self, only: str | None = None) -> dict[str, dict[int, PlaneState]]:
        """State by plane number, for each slide (or one) with a plane that isn't new."""
        found: dict[str, dict[int, PlaneState]] = {}
        for plane in {*self.states, *self.proposed}:
            if only is None or plane.slide == only:
                found.setdefault(plane.slide, {})[plane.plane] = self.state(plane)
        return found

    def labels(self, plane: PlaneId, shape: tuple[int, int]) -> LabelPlane:
        """The labels of a plane as they are now, strokes on their way to the disk included."""
        if plane not in self._planes:
            self.journal.flush(1.0)
            self._planes[plane] = self._project.labels(plane, shape)
            self._forget_planes()
        return self._planes[plane]

    def mask(self, plane: PlaneId, labels: LabelPlane) -> MaskView:
        """How the mask of a plane comes about just now."""
        return MaskView(labels, self.find_proposal(plane), self.threshold, self.steps)

    def find_proposal(self, plane: PlaneId) -> Proposal | None:
        """The active model's proposal for a plane of the slide as it is now, or None."""
        try:
            stamp = slide_stamp(self.folder / plane.slide)
        except OSError as error:
            raise SlideError(
                f"'{plane.slide}' is no longer there ({error.strerror}). Its labels are kept; put the slide back."
            ) from None
        return find_proposal(self.place, self.active_model, plane, stamp=stamp)

    def mark_proposed(self, plane: PlaneId) -> None:
        self.proposed |= {plane}

    # Edits

    def commit(self, edit: Edit, shape: tuple[int, int]) -> None:
        """Make an edit, whose labels are already in place, part of the history and have it written."""
        entry = StoredEdit(self._next_id, edit, undone=False)
        self._write(lambda project: project.record(entry.id, edit, shape))
        self._next_id += 1
        self._done.append(entry)
        self._undone.clear()
        self.states[edit.plane] = edit.state_after
        self._forget_old_edits()

    def apply(self, edit: Edit, labels: LabelPlane) -> None:
        """Change the labels of a plane by an edit, and commit it."""
        self.commit(edit, labels.shape)
        labels.write(edit.box, edit.after)

    def review(self, plane: PlaneId, labels: LabelPlane, cleaned: NDArray[np.uint8]) -> Edit | None:
        """Confirm a plane as a whole: what isn't labelled takes the cleaned-up proposal `cleaned` (h, w)."""
        box = Box.of_shape(labels.shape)
        before = labels.read(box)
        edit = make_edit(
            plane, box, before, lay_over(before, cleaned), f"review of {plane.slide}",
            state_before=self.state(plane), state_after=PlaneState.REVIEWED,
        )  # fmt: skip
        if edit is not None:
            self.apply(edit, labels)
        return edit

    @property
    def next_undo(self) -> Edit | None:
        if not self._done:
            self._recall_old_edits()
        return self._done[-1].edit if self._done else None

    @property
    def next_redo(self) -> Edit | None:
        return self._undone[-1].edit if self._undone else None

    def undo(self) -> Edit | None:
        """Take the last edit back, on whatever slide it was."""
        if not self._done:
            self._recall_old_edits()
        if not self._done:
            return None
        entry = self._done[-1]
        self._write(lambda project: project.undo(entry.id))
        self._undone.append(self._done.pop())
        self._replay(entry.edit, entry.edit.before, entry.edit.state_before)
        return entry.edit

    def redo(self) -> Edit | None:
        """Make the last edit that was taken back again."""
        if not self._undone:
            return None
        entry = self._undone[-1]
        self._write(lambda project: project.redo(entry.id))
        self._done.append(self._undone.pop())
        self._replay(entry.edit, entry.edit.after, entry.edit.state_after)
        return entry.edit

    def _replay(self, edit: Edit, labels: NDArray[np.uint8], state: PlaneState) -> None:
        if edit.plane in self._planes:
            self._planes[edit.plane].write(edit.box, labels)
        if state in (PlaneState.NEW, PlaneState.PROPOSED):
            self.states.pop(edit.plane, None)
        else:
            self.states[edit.plane] = state

    # Choices of a person that hold for the whole folder

    def set_classes(self, classes: Iterable[LabelClass]) -> None:
        chosen = tuple(classes)
        self._write(lambda project: project.set_classes(chosen))
        self.classes = chosen

    def set_steps(self, steps: Iterable[Step]) -> None:
        chosen = tuple(steps)
        self._write(lambda project: project.set_steps(chosen))
        self.steps = chosen

    def set_threshold(self, threshold: float) -> None:
        self._write(lambda project: project.set_setting("threshold", f"{threshold:.3f}"))
        self.threshold = threshold

    def use_model(self, card: ModelCard) -> None:
        """Make a model active; a project without labels takes over its classes. `ModelError` if they don't fit."""
        if self.states:
            card.check_fits(self.classes)
        self._write(lambda project: use_model(project, card.id))
        if not self.states and [c.name for c in card.classes] != [c.name for c in self.classes]:
            self.classes = card.classes
        self.active_model = card.id
        self.proposed = proposed_planes(self.place, card.id)

    def _write(self, operation: Operation) -> None:
        if self.read_only:
            raise ProjectInUseError(self.read_only)
        self.journal.submit(operation)

    def _forget_old_edits(self) -> None:
        """Keep the newest edits that fit in memory; the project has them all."""
        used = sum(entry.edit.nbytes for entry in self._done)
        while used > _KEPT_BYTES and len(self._done) > 1:
            used -= self._done.pop(0).edit.nbytes
            self._forgot_edits = True

    def _recall_old_edits(self) -> None:
        """Bring back from the project what was forgotten, once all that came after it is written."""
        if self._forgot_edits and self.journal.flush(1.0):
            oldest = min((entry.id for entry in self._undone), default=None)
            self._done = self._project.history(before=oldest, max_bytes=_KEPT_BYTES // 2)
            self._forgot_edits = bool(self._done)

    def _forget_planes(self) -> None:
        # While strokes wait (a full disk), memory is the only place that has them.
        while len(self._planes) > _KEPT_PLANES and not self.journal.pending:
            self._planes.pop(next(iter(self._planes)))

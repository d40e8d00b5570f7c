"""An open folder: its slides, its project, and the history of edits, as the window works with them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Self

from unet_studio.core.classes import LabelClass
from unet_studio.core.cleaning.steps import Step
from unet_studio.core.editing.accepting import AcceptedPlane, review_plane
from unet_studio.core.labels.edits import Edit, MaskRecipe, RecipeChange
from unet_studio.core.labels.plane import LabelPlane, PlaneId, PlaneState
from unet_studio.core.masks.crf import SlidePlane
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.proposals import Proposal, find_part, find_proposal, proposed_planes, slide_stamp
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.project.active_model import use_model
from unet_studio.core.project.journal import Journal, JournalState, Operation
from unet_studio.core.project.lock import writing
from unet_studio.core.project.store import Project
from unet_studio.core.project.stored_edits import StoredEdit
from unet_studio.core.slides.finding import find_slides
from unet_studio.errors import ProjectError, ProjectInUseError, SlideError

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
        self._recipe = MaskRecipe(self.steps, self.threshold)  # the one kept; another may be tried out
        self.active_model = project.active_model
        self.states = project.states()
        self.proposed = proposed_planes(self.place, self.active_model)
        self.part: PlaneId | None = None  # the plane of whose proposal only a part is there, the rest on its way
        self._project = project
        self._held = ExitStack()
        self._planes: dict[PlaneId, LabelPlane] = {}
        stored = project.history()
        self._done = [entry for entry in stored if not entry.undone]
        self._undone = [entry for entry in reversed(stored) if entry.undone]
        self._kept_bytes = sum(entry.edit.nbytes for entry in stored)
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
        labels = self._planes.pop(plane, None)
        if labels is None:
            self.journal.flush(1.0)
            labels = self._project.labels(plane, shape)
        self._planes[plane] = labels  # last, since those asked for longest ago are forgotten first
        self._forget_planes()
        return labels

    def peek(self, plane: PlaneId, shape: tuple[int, int]) -> LabelPlane:
        """The labels of a plane as they are now, to be read only; the planes at hand stay the same."""
        if plane in self._planes:
            return self._planes[plane].snapshot()
        self.journal.flush(1.0)
        return self._project.labels(plane, shape)

    @contextmanager
    def saved_project(self, unsaved: str) -> Iterator[Project]:
        """The project for work on another thread, with every stroke so far on the disk.

        Raises `ProjectError`, saying `unsaved`, where they can't be written within half a minute.
        """
        if not self.journal.flush(30.0):
            raise ProjectError(unsaved)
        with Project.open(self.folder, place=self.place) as project:
            yield project

    def mask(self, plane: PlaneId, labels: LabelPlane) -> MaskView:
        """How the mask of a plane comes about just now."""
        slide = SlidePlane(self.folder / plane.slide, plane.plane)
        return MaskView(labels, self.find_proposal(plane), self.threshold, self.steps, slide)

    def find_proposal(self, plane: PlaneId) -> Proposal | None:
        """The active model's proposal for a plane of the slide as it is now, or None.

        Of the plane `part` what is there so far stands in, unless there is a whole one: by the same model of the same
        slide, that says the same everywhere.
        """
        try:
            stamp = slide_stamp(self.folder / plane.slide)
        except OSError as error:
            raise SlideError(
                f"'{plane.slide}' is no longer there ({error.strerror}). Its labels are kept; put the slide back."
            ) from None
        whole = find_proposal(self.place, self.active_model, plane, stamp=stamp)
        if whole is None and plane == self.part:
            return find_part(self.place, self.active_model, plane, stamp=stamp)
        return whole

    def mark_proposed(self, plane: PlaneId) -> None:
        self.proposed |= {plane}

    # Edits

    def commit(self, edit: Edit, *shapes: tuple[int, int]) -> None:
        """Make an edit, whose labels are already in place, part of the history and have it written.

        `shapes` are the (h, w) of the planes that it changes, in their order.
        """
        entry = StoredEdit(self._next_id, edit, undone=False)
        self._write(lambda project: project.record(entry.id, edit, *shapes))
        self._next_id += 1
        self._kept_bytes += edit.nbytes - sum(undone.edit.nbytes for undone in self._undone)
        self._done.append(entry)
        self._undone.clear()
        for change in edit.planes:
            self._set_state(change.plane, change.state_after)
        self._forget_old_edits()

    def apply(self, edit: Edit, labels: LabelPlane) -> None:
        """Change the labels of a plane by an edit of it alone, and commit it."""
        self.commit(edit, labels.shape)
        edit.change.make(labels)

    def apply_to_all(self, edit: Edit, *shapes: tuple[int, int]) -> None:
        """Change the labels of all planes of an edit, of these shapes (h, w), and commit it."""
        self.commit(edit, *shapes)
        self._make_on_planes_at_hand(edit)

    def review(self, plane: PlaneId, labels: LabelPlane) -> Edit | None:
        """Confirm a plane as a whole: what isn't labelled takes the cleaned-up proposal."""
        edit = review_plane(self.mask(plane, labels), plane, f"review of {plane.slide}", state=self.state(plane))
        if edit is not None:
            self.apply(edit, labels)
        return edit

    @property
    def acceptable(self) -> tuple[PlaneId, ...]:
        """The proposed planes that nobody labelled yet, in the order of the slides."""
        order = {slide: number for number, slide in enumerate(self.slides)}
        planes = [plane for plane in self.proposed if plane not in self.states and plane.slide in order]
        return tuple(sorted(planes, key=lambda plane: (order[plane.slide], plane.plane)))

    def accept(self, accepted: Iterable[AcceptedPlane]) -> Edit | None:
        """Take over what `accept_planes` found, in one edit, but for planes that a person labelled meanwhile."""
        found = [(a.change, a.shape) for a in accepted if a.change is not None and a.plane not in self.states]
        if not found:
            return None
        slides = {change.plane.slide for change, _ in found}
        of = slides.pop() if len(slides) == 1 else f"{len(slides)} slides"
        edit = Edit(f"accept the proposals of {of}", tuple(change for change, _ in found))
        self.apply_to_all(edit, *(shape for _, shape in found))
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
        """Take the last edit back, on whatever slides it was."""
        if self.next_undo is None:
            return None
        entry = self._done[-1]
        self._write(lambda project: project.undo(entry.id))
        self._undone.append(self._done.pop())
        for change in entry.edit.planes:
            if change.plane in self._planes:
                change.take_back(self._planes[change.plane])
            self._set_state(change.plane, change.state_before)
        if entry.edit.recipe is not None:
            self._set_recipe(entry.edit.recipe.before)
        return entry.edit

    def redo(self) -> Edit | None:
        """Make the last edit that was taken back again."""
        if not self._undone:
            return None
        entry = self._undone[-1]
        self._write(lambda project: project.redo(entry.id))
        self._done.append(self._undone.pop())
        self._make_on_planes_at_hand(entry.edit)
        for change in entry.edit.planes:
            self._set_state(change.plane, change.state_after)
        if entry.edit.recipe is not None:
            self._set_recipe(entry.edit.recipe.after)
        return entry.edit

    def _make_on_planes_at_hand(self, edit: Edit) -> None:
        for change in edit.planes:
            if change.plane in self._planes:
                change.make(self._planes[change.plane])

    def _set_state(self, plane: PlaneId, state: PlaneState) -> None:
        if state in (PlaneState.NEW, PlaneState.PROPOSED):
            self.states.pop(plane, None)
        else:
            self.states[plane] = state

    # Choices of a person that hold for the whole folder

    def set_classes(self, classes: Iterable[LabelClass]) -> None:
        chosen = tuple(classes)
        self._write(lambda project: project.set_classes(chosen))
        self.classes = chosen

    def set_steps(self, steps: Iterable[Step]) -> Edit | None:
        """Keep another clean-up, as an edit; None if it is the one that was kept last."""
        chosen = tuple(steps)
        what = ", ".join(f"{step.operation} {step.amount:g}" for step in chosen)
        return self._change_recipe(replace(self._recipe, steps=chosen), f"clean-up: {what or 'no steps'}")

    def set_threshold(self, threshold: float) -> Edit | None:
        """Keep another threshold, as an edit; None if it is the one that was kept last."""
        return self._change_recipe(replace(self._recipe, threshold=threshold), f"threshold {threshold:.2f}")

    def _change_recipe(self, recipe: MaskRecipe, sentence: str) -> Edit | None:
        edit = None
        if recipe != self._recipe:
            edit = Edit(sentence, recipe=RecipeChange(self._recipe, recipe))
            self.commit(edit)
        self._set_recipe(recipe)
        return edit

    def _set_recipe(self, recipe: MaskRecipe) -> None:
        self._recipe = recipe
        self.steps, self.threshold = recipe.steps, recipe.threshold

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
        while self._kept_bytes > _KEPT_BYTES and len(self._done) > 1:
            self._kept_bytes -= self._done.pop(0).edit.nbytes
            self._forgot_edits = True

    def _recall_old_edits(self) -> None:
        """Bring back from the project what was forgotten, once all that came after it is written."""
        if self._forgot_edits and self.journal.flush(1.0):
            oldest = min((entry.id for entry in self._undone), default=None)
            self._done = self._project.history(before=oldest, max_bytes=_KEPT_BYTES // 2)
            self._kept_bytes += sum(entry.edit.nbytes for entry in self._done)
            self._forgot_edits = bool(self._done)

    def _forget_planes(self) -> None:
        # While strokes wait (a full disk), memory is the only place that has them.
        while len(self._planes) > _KEPT_PLANES and not self.journal.pending:
            self._planes.pop(next(iter(self._planes)))

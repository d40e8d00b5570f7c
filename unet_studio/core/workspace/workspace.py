"""An open folder: its slides, its project, and the one way in which its labels change."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self

from unet_studio.core.classes import LabelClass
from unet_studio.core.cleaning.steps import Step
from unet_studio.core.exchange.kept_masks import find_outdated
from unet_studio.core.labels.edits import Edit, MaskRecipe, PlaneChange, ProposalChange, RecipeChange
from unet_studio.core.labels.plane import LabelPlane, PlaneId, PlaneState, ProposalId
from unet_studio.core.masks.crf import SlidePlane
from unet_studio.core.masks.kept import Under, find_under, is_known, record, settle, settle_plane, with_proposals
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.proposals import Proposal, proposed_planes
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.project.active_model import use_model
from unet_studio.core.project.backups import back_up_or_say
from unet_studio.core.project.journal import Journal, Write
from unet_studio.core.project.lock import writing
from unet_studio.core.project.recovering import recover
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.core.project.stored_edits import StoredEdit
from unet_studio.core.slides.finding import Found, search_folder, slide_file
from unet_studio.core.workspace.change import Change
from unet_studio.core.workspace.elsewhere import save_elsewhere
from unet_studio.core.workspace.history import History
from unet_studio.core.workspace.judging import Judging
from unet_studio.core.workspace.planes import Planes
from unet_studio.core.workspace.unsaved import Unsaved
from unet_studio.errors import ProjectError, ProjectReadOnlyError, SlideError, StoredDataError


class Workspace:
    """What is open. Every change goes in by `perform`, `undo`, `redo` or a choice for the whole folder.

    What was changed holds at once; the journal writes it. `read_only` says why nothing can be changed, or is empty;
    `recovered` how the project was put together again when it was opened, or is empty.
    `notify` is called, in any thread, when there is more or less that is not on the disk; `unsaved` says what.

    It has more methods than a class should: what is open is read and changed in many ways, and all of them have to
    agree on the same states, labels and history.
    """

    def __init__(
        self, project: Project, found: Found, read_only: str, notify: Callable[[], None], recovered: str = ""
    ) -> None:
        self.slides = found.slides
        self.left_out = found.left_out
        self.read_only = read_only
        self.recovered = recovered
        self.folder = project.folder
        self.place = project.place
        self.classes = project.classes()
        self.steps = project.steps()
        self.threshold = project.threshold
        self._recipe = MaskRecipe(self.steps, self.threshold)  # the one kept; another may be previewed
        self.active_model = project.active_model
        self.states = project.states()
        self.kept = project.kept_proposals()  # what lies under labels, whichever model is active
        self.proposed = proposed_planes(self.place, self.active_model)
        self.part: PlaneId | None = None  # the plane whose proposal is stored in part, while the rest is computed
        self.judging = Judging(project, found.slides, self._submit)
        self._project = project
        self._held = ExitStack()
        self._notify = notify
        self.journal = Journal(self._open_to_write, lambda _: notify())
        self.unsaved = Unsaved(self.journal, notify)
        self.planes = Planes(self._read_stored, self.journal.waiting)
        self._history = History(self._recall, project.next_edit_id(), lambda: self.journal.pending)

    @classmethod
    def open(cls, folder: Path, *, place: Path | None = None, notify: Callable[[], None] = lambda: None) -> Self:
        """Open a folder of slides; read-only where another window holds its project, or nothing can be written there.

        A damaged project is put together again from its newest backup. Raises `SlideError` for a folder without slides
        and `ProjectError` where its project can't be kept, or is damaged beyond that.
        """
        found = search_folder(folder)
        recovered = recover((place or folder / PLACE_NAME).resolve())
        with ExitStack() as held:
            project = held.enter_context(Project.open(folder, place=place))
            read_only = project.read_only
            try:
                if not read_only:
                    held.enter_context(writing(project.place))
            except ProjectReadOnlyError as error:
                read_only = str(error)
            if not read_only:
                settle(project)
            workspace = cls(project, found, read_only, notify, recovered)
            workspace._held = held.pop_all()
        return workspace

    def close(self, timeout: float = 10.0) -> bool:
        """Let the project go, after at most `timeout` seconds for what is left to be written; False if some is not."""
        written = self.journal.close(timeout)
        self._held.close()
        return written and not self.journal.state.lost

    def save_elsewhere(self, target: Path) -> None:
        """Save a copy of the project, with all that waits to be written, at another place; raises `ProjectError`."""
        save_elsewhere(self.folder, self.place, target, self.journal.waiting())

    def look_after(self) -> tuple[str, ...]:
        """Back the project up if it changed since, and say what of it makes no sense, for a thread of its own.

        Raises `ProjectError` where it is damaged as a whole: it is put together again when it is opened next.
        """
        problem = "" if self.read_only else back_up_or_say(self.place)
        with self._open_project() as project:
            return tuple(filter(None, (problem, *project.find_unreadable())))

    def outdated_masks(self) -> tuple[PlaneId, ...]:
        """The reviewed planes of which the kept mask has to be written again, for a thread of its own."""
        with self._open_project() as project:
            return find_outdated(project)

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
        """The labels of a plane of `shape` (h, w) as they are now; raises `ProjectError` if they don't fit it."""
        return self.planes.get(plane, shape)

    @contextmanager
    def saved_project(self, unsaved: str) -> Iterator[Project]:
        """The project for work on another thread, with every stroke so far on the disk.

        Raises `ProjectError`, saying `unsaved`, where they can't be written within half a minute.
        """
        if not self.journal.flush(30.0):
            raise ProjectError(unsaved)
        with self._open_project() as project:
            yield project

    def mask(self, plane: PlaneId, labels: LabelPlane) -> MaskView:
        """How the mask of a plane comes about just now; its `problem` says where the proposal under it is missing."""
        return self._view(plane, labels, self._find_under(plane, self.kept.get(plane)))

    def _view(self, plane: PlaneId, labels: LabelPlane, under: Under) -> MaskView:
        slide = SlidePlane(slide_file(self.folder, plane.slide), plane.plane)
        return MaskView(labels, under.proposal, self.threshold, self.steps, slide, under.problem)

    def find_proposal(self, plane: PlaneId) -> Proposal | None:
        """The proposal under the labels of a plane, or None: the kept one, else the active model's.

        For the plane `part` it is the partial proposal, unless there is a whole one.
        """
        return self._find_under(plane, self.kept.get(plane)).proposal

    def find_newer(self, plane: PlaneId) -> Proposal | None:
        """The active model's proposal for a plane that was corrected on another one; None where there is none."""
        kept = self.kept.get(plane)
        if self.states.get(plane) is not PlaneState.CORRECTED or not is_known(kept):
            return None
        newer = self._find_under(plane, None).proposal
        return newer if newer is not None and not newer.partial and newer.id != kept else None

    def _find_under(self, plane: PlaneId, kept: ProposalId | None) -> Under:
        find = partial(find_under, self.folder, self.place, plane, shows_part=plane == self.part)
        waits = kept is not None and self._waits(plane)  # asked first: once nothing waits the kept one is in its place
        under = find(kept, model=self.active_model)
        if kept is not None and under.problem and waits:
            return find(None, model=kept.model)  # it was replaced just now, and what replaced it is about to be kept
        return under

    def _waits(self, plane: PlaneId) -> bool:
        """Whether something about the plane is not written yet."""
        return any(change.plane == plane for write in self.journal.waiting() for change in write.changes)

    def proposed_view(self, plane: PlaneId) -> MaskView:
        """How the mask of a plane that is proposed comes about just now, read anew; any thread may ask.

        Raises `SlideError` where the proposal is gone or doesn't fit the slide any more.
        """
        under = self._find_under(plane, self.kept.get(plane))
        if under.proposal is None:
            raise SlideError(
                f"The proposal for '{plane.slide}' is gone, or of another version of it. Propose it again."
            )
        return self._view(plane, self.planes.read(plane, under.proposal.shape), under)

    def mark_proposed(self, plane: PlaneId) -> None:
        self.proposed |= {plane}
        self._settle([plane])

    def _settle(self, planes: Iterable[PlaneId]) -> None:
        """Keep what now lies under planes that were corrected with nothing under them: it stays there from now on."""
        for plane in planes:
            if self.states.get(plane) is not PlaneState.CORRECTED or is_known(self.kept.get(plane)):
                continue
            proposal = self._look_up(plane) if not self.read_only else None
            if proposal is not None and not proposal.partial:
                change = self.edit_to_take(proposal, plane, f"proposal under {plane.slide}").change
                self.kept[plane] = proposal.id
                write = partial(settle_plane, plane=plane, proposal=proposal)
                self._submit(Write(f"proposal under {plane.slide}", write, (change,)))

    def _look_up(self, plane: PlaneId) -> Proposal | None:
        """The active model's proposal, for a plane that has none kept; None also where the slide is gone."""
        if plane not in self.proposed:
            return None
        try:
            return self._find_under(plane, None).proposal
        except SlideError:
            return None

    def _open_project(self) -> Project:
        return Project.open(self.folder, place=self.place, must_exist=True)

    def _open_to_write(self) -> Project:
        project = self._open_project()
        if project.read_only:  # what waits is tried again until it can be written
            project.close()
            raise ProjectReadOnlyError(project.read_only)
        return project

    def _recall(self, before: int | None, most: int) -> list[StoredEdit]:
        with self._open_project() as project:  # anew: the file may have been written anew meanwhile
            return project.history(before=before, max_bytes=most)

    def _read_stored(self, plane: PlaneId, shape: tuple[int, int]) -> LabelPlane:
        with self._open_project() as project:  # of its own: any thread may ask
            return project.labels(plane, shape)

    # Edits

    def perform(
        self,
        edit: Edit,
        *shapes: tuple[int, int],
        made: LabelPlane | None = None,
        made_on: Mapping[PlaneId, Proposal | None] | None = None,
    ) -> Change:
        """Make an edit: labels, states, recipe and history at once, the store as soon as the disk takes it.

        `shapes` are the (h, w) of the planes that it changes, in their order. `made` are the labels of its one plane
        as they are afterwards, where they are there already: a stroke paints as it goes, and what was worked out on a
        snapshot is taken over whole. `made_on` are the proposals that it was made on, where the caller knows them; a
        plane that is corrected for the first time keeps its one. Raises `ProjectReadOnlyError`, and changes nothing,
        where the folder is read-only.
        """
        self._check_writable()
        number = self._history.next_id
        under = dict(made_on or {})
        under.update(
            (change.plane, self._look_up(change.plane))
            for change in edit.planes
            if change.plane not in under and not is_known(self.kept.get(change.plane))
        )
        edit = with_proposals(edit, self.kept, under)
        change = self._carry_out(
            Change(edit), lambda project: record(project, number, edit, *shapes, made_on=under), made
        )
        self._history.add(edit)
        return change

    def edit_to_take(self, newer: Proposal, plane: PlaneId, sentence: str) -> Edit:
        """The edit that puts another proposal under the labels of a plane, to be performed as `made_on` it.

        It changes no label.
        """
        state, under = self.state(plane), ProposalChange(self.kept.get(plane), newer.id)
        return Edit(sentence, (PlaneChange(plane, (), state, state, under),))

    def undo(self) -> Change | None:
        """Take the last edit back, on whatever slides it was; None where there is none.

        Raises `ProjectError`, and changes nothing, where it can't be read from the project any more.
        """
        self._check_writable()
        entry = self._history.next_undo
        if entry is None:
            self._check_history()
            return None
        number = entry.id
        change = self._carry_out(Change(entry.edit, undone=True), lambda project: project.undo(number))
        self._history.step_back()
        return change

    def redo(self) -> Change | None:
        """Make the edit that was taken back last again; None where there is none. Raises as `undo` does."""
        self._check_writable()
        entry = self._history.next_redo
        if entry is None:
            return None
        number = entry.id
        change = self._carry_out(Change(entry.edit), lambda project: project.redo(number))
        self._history.step_forward()
        return change

    @property
    def next_undo(self) -> Edit | None:
        entry = self._history.next_undo
        return entry.edit if entry is not None else None

    @property
    def next_redo(self) -> Edit | None:
        entry = self._history.next_redo
        return entry.edit if entry is not None else None

    def _carry_out(self, change: Change, write: Callable[[Project], object], made: LabelPlane | None = None) -> Change:
        """Change labels, states and recipe, and have the store changed alike by `write`."""
        edit, undone = change.edit, change.undone
        written = Write(change.sentence, write, edit.planes, undone)
        self.planes.apply(written, made)
        for plane in edit.planes:
            if plane.proposal is not None:
                self._set_kept(plane.plane, plane.proposal.before if undone else plane.proposal.after)
            self._set_state(plane.plane, plane.state_before if undone else plane.state_after)
        if edit.recipe is not None:
            self._set_recipe(edit.recipe.before if undone else edit.recipe.after)
        self._submit(written)
        self._settle(change.planes)
        return change

    def _check_history(self) -> None:
        if self._history.problem:
            raise StoredDataError(self._history.problem)

    def _set_state(self, plane: PlaneId, state: PlaneState) -> None:
        if state in (PlaneState.NEW, PlaneState.PROPOSED):
            self.states.pop(plane, None)
            self.kept.pop(plane, None)  # it follows the active model again
        else:
            self.states[plane] = state

    def _set_kept(self, plane: PlaneId, proposal: ProposalId | None) -> None:
        if proposal is None:
            self.kept.pop(plane, None)
        else:
            self.kept[plane] = proposal

    def _check_writable(self) -> None:
        if self.read_only:
            raise ProjectReadOnlyError(self.read_only)

    def _submit(self, write: Write) -> None:
        self._check_writable()
        self.journal.submit(write)
        self._notify()

    # Choices of a person that hold for the whole folder

    def set_classes(self, classes: Iterable[LabelClass]) -> None:
        chosen = tuple(classes)
        self._submit(Write("classes", lambda project: project.set_classes(chosen)))
        self.classes = chosen

    def set_steps(self, steps: Iterable[Step]) -> Change | None:
        """Keep another clean-up, as an edit; None if it is the one that was kept last."""
        chosen = tuple(steps)
        what = ", ".join(f"{step.operation} {step.amount:g}" for step in chosen)
        return self.set_recipe(replace(self._recipe, steps=chosen), f"clean-up: {what or 'no steps'}")

    def set_threshold(self, threshold: float) -> Change | None:
        """Keep another threshold, as an edit; None if it is the one that was kept last."""
        return self.set_recipe(replace(self._recipe, threshold=threshold), f"threshold {threshold:.2f}")

    def set_recipe(self, recipe: MaskRecipe, sentence: str) -> Change | None:
        """Keep another threshold and clean-up, as one edit; None if they are those that were kept last."""
        if recipe != self._recipe:
            return self.perform(Edit(sentence, recipe=RecipeChange(self._recipe, recipe)))
        self._set_recipe(recipe)  # another may have been previewed meanwhile
        return None

    def _set_recipe(self, recipe: MaskRecipe) -> None:
        self._recipe = recipe
        self.steps, self.threshold = recipe.steps, recipe.threshold

    def use_model(self, card: ModelCard) -> None:
        """Make a model active; a project without labels takes over its classes. `ModelError` if they don't fit."""
        if self.states:
            card.check_fits(self.classes)
        self._submit(Write(f"model {card.title}", lambda project: use_model(project, card.id)))
        if not self.states and [c.name for c in card.classes] != [c.name for c in self.classes]:
            self.classes = card.classes
        self.active_model = card.id
        self.proposed = proposed_planes(self.place, card.id)
        self._settle([plane for plane in self.states if plane in self.proposed])
